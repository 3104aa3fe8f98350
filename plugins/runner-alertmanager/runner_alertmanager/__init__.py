"""The plugin `alertmanager`: a sink that keeps alerts firing in Alertmanager while problems last."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

ALERTMANAGER = SinkType(
    type="runner.alertmanager",
    summary="Alerts in Prometheus' Alertmanager, sent again with each report",
    open="runner_alertmanager.sink:open_alertmanager",
    options={
        "url": {
            "type": ["string", "array"],
            "items": {"type": "string", "minLength": 1},
            "minLength": 1,
            "minItems": 1,
            "description": "The Alertmanager, without /api; of a cluster every member.",
            "examples": ["http://alertmanager:9093", ["http://am-1:9093", "http://am-2:9093"]],
        },
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Labels that every alert has beside its own.",
            "examples": [{"team": "database"}],
        },
        "expires_minutes": {
            "type": "integer",
            "minimum": 1,
            "description": "When an alert ends that is not sent again; by default after three times the job's interval.",
            "examples": [240],
        },
        "user": {"type": "string", "description": "Who logs in; nobody by default.", "examples": ["runner"]},
        "password": {
            "type": "string",
            "writeOnly": True,
            "description": "The password of the login. It is a secret.",
            "examples": ["${ALERTMANAGER_PASSWORD}"],
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
    return (ALERTMANAGER,)
