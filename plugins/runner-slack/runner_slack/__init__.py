"""The plugin `slack`: a sink that posts reports to an incoming webhook."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

SLACK = SinkType(
    type="runner.slack",
    summary="Messages in a channel of Slack",
    open="runner_slack.sink:open_slack",
    options={
        "url": {
            "type": "string",
            "minLength": 1,
            "writeOnly": True,
            "description": "The address of the incoming webhook. It is a secret.",
            "examples": ["${SLACK_URL}"],
        },
        "mention": {
            "type": "string",
            "pattern": "^(here|channel|[UWS][A-Z0-9]+)$",
            "description": "Who is called when something is critical: here, channel, or the id of a user or group.",
            "examples": ["here"],
        },
        "problems": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "description": "Problems that a message shows one by one; 20 by default.",
            "examples": [20],
        },
    },
    required=("url",),
    delivery="changes",
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (SLACK,)
