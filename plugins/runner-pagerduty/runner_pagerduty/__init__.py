"""The plugin `pagerduty`: a sink that triggers, acknowledges and resolves alerts."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

PAGERDUTY = SinkType(
    type="runner.pagerduty",
    summary="Alerts in PagerDuty, one for each problem",
    open="runner_pagerduty.sink:open_pagerduty",
    options={
        "routing_key": {
            "type": "string",
            "minLength": 1,
            "writeOnly": True,
            "description": "The integration key of a service (Events API v2). It is a secret.",
            "examples": ["${PAGERDUTY_KEY}"],
        },
        "url": {
            "type": "string",
            "minLength": 1,
            "description": "Where events are sent; https://events.pagerduty.com/v2/enqueue by default.",
            "examples": ["https://events.eu.pagerduty.com/v2/enqueue"],
        },
        "alerts": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "description": "Alerts of one job on one target; what has more problems makes one alert. 20 by default.",
            "examples": [20],
        },
        "acknowledge": {
            "type": "boolean",
            "description": "Whether what somebody acknowledged with `runner ack` is acknowledged there; true by default.",
            "examples": [False],
        },
    },
    required=("routing_key",),
    delivery="changes",
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (PAGERDUTY,)
