"""The plugin `apprise`: a sink for the hundred services that Apprise knows."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

APPRISE = SinkType(
    type="runner.apprise",
    summary="Messages to a hundred services, by Apprise",
    open="runner_apprise.sink:open_apprise",
    options={
        "url": {
            "type": "string",
            "minLength": 1,
            "writeOnly": True,
            "description": "Where messages go, as Apprise writes it. It is a secret.",
            "examples": ["${APPRISE_URL}"],
        },
    },
    required=("url",),
    delivery="changes",
    accepts_format=True,
    default_format="markdown",
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (APPRISE,)
