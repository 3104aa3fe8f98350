"""The plugin `pushgateway`: a sink that leaves metrics where Prometheus fetches them."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

PUSHGATEWAY = SinkType(
    type="runner.pushgateway",
    summary="Metrics in Prometheus' Pushgateway",
    open="runner_pushgateway.sink:open_pushgateway",
    options={
        "url": {
            "type": "string",
            "minLength": 1,
            "description": "The Pushgateway, without /metrics.",
            "examples": ["http://pushgateway:9091"],
        },
        "job": {
            "type": "string",
            "minLength": 1,
            "description": "The label `job` of all metrics; runner by default.",
            "examples": ["runner"],
        },
        "instance": {
            "type": "string",
            "minLength": 1,
            "description": "The label `instance`, when several hosts push the same groups; none by default.",
            "examples": ["db1"],
        },
        "user": {"type": "string", "description": "Who logs in; nobody by default.", "examples": ["runner"]},
        "password": {
            "type": "string",
            "writeOnly": True,
            "description": "The password of the login. It is a secret.",
            "examples": ["${PUSHGATEWAY_PASSWORD}"],
        },
        "ca_file": {
            "type": "string",
            "minLength": 1,
            "description": "A file of the authorities whose certificates are trusted, instead of the system's.",
            "examples": ["/etc/ssl/own-ca.pem"],
        },
    },
    required=("url",),
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (PUSHGATEWAY,)
