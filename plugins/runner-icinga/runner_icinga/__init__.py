"""The plugin `icinga`: a sink that hands results to Icinga 2 as passive checks."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

ICINGA = SinkType(
    type="runner.icinga",
    summary="Passive results of services in Icinga 2",
    open="runner_icinga.sink:open_icinga",
    options={
        "url": {
            "type": "string",
            "minLength": 1,
            "description": "The API of Icinga 2, without /v1.",
            "examples": ["https://icinga.example:5665"],
        },
        "user": {"type": "string", "minLength": 1, "description": "The ApiUser.", "examples": ["runner"]},
        "password": {
            "type": "string",
            "minLength": 1,
            "writeOnly": True,
            "description": "The password of the ApiUser. It is a secret.",
            "examples": ["${ICINGA_PASSWORD}"],
        },
        "ca_file": {
            "type": "string",
            "minLength": 1,
            "description": "The certificate of Icinga's own authority; by default the system's authorities are trusted.",
            "examples": ["/var/lib/icinga2/certs/ca.crt"],
        },
        "hosts": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "description": "The host in Icinga of each target; by default it is called as the target is.",
            "examples": [{"main": "db1.example.org"}],
        },
        "own_host": {
            "type": "string",
            "minLength": 1,
            "description": "The host in Icinga of jobs without a target; this host's name by default.",
            "examples": ["db1.example.org"],
        },
        "service_prefix": {
            "type": "string",
            "description": "What the names of services begin with before the job's; nothing by default.",
            "examples": ["pg-"],
        },
    },
    required=("url", "user", "password"),
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (ICINGA,)
