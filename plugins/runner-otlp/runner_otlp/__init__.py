"""The plugin `otlp`: a sink that sends metrics and logs to OpenTelemetry collectors."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

OTLP = SinkType(
    type="runner.otlp",
    summary="Metrics and logs for OpenTelemetry collectors, by OTLP over HTTP",
    open="runner_otlp.sink:open_otlp",
    options={
        "url": {
            "type": "string",
            "minLength": 1,
            "description": "The collector, without /v1; http://localhost:4318 by default.",
            "examples": ["https://otel.example:4318"],
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number"]},
            "description": "Headers of the requests, for instance a token; their values are treated as secrets.",
            "examples": [{"Authorization": "Bearer ${OTLP_TOKEN}"}],
        },
        "resource": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Attributes of the resource beside service.name and host.name.",
            "examples": [{"deployment.environment.name": "production"}],
        },
        "signals": {
            "type": "array",
            "items": {"enum": ["metrics", "logs"]},
            "minItems": 1,
            "uniqueItems": True,
            "description": "What is sent; metrics and logs by default.",
            "examples": [["metrics"]],
        },
        "values": {
            "type": "integer",
            "minimum": 0,
            "description": "Observed values in the metrics of a report; 2000 by default.",
            "examples": [2000],
        },
        "ca_file": {
            "type": "string",
            "minLength": 1,
            "description": "A file of the authorities whose certificates are trusted, instead of the system's.",
            "examples": ["/etc/ssl/own-ca.pem"],
        },
    },
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (OTLP,)
