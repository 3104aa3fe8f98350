"""The plugin `healthchecks`: a sink that gives signs of life, and a hook that says when a tick begins."""

from __future__ import annotations

from runner.api import SinkType, Tick, hookimpl

__runner_api__ = (1, 0)

HEALTHCHECKS = SinkType(
    type="runner.healthchecks",
    summary="Signs of life for healthchecks.io and its kin",
    open="runner_healthchecks.sink:open_healthchecks",
    options={
        "url": {
            "type": "string",
            "minLength": 1,
            "writeOnly": True,
            "description": "The ping URL of a check, with its UUID or ping key. It is a secret.",
            "examples": ["${HEALTHCHECKS_URL}"],
        },
        "fail_on": {
            "type": "array",
            "items": {"enum": ["warning", "critical", "unknown"]},
            "description": "States of a report that count as a failure; none by default: a report is a sign of life.",
            "examples": [["critical", "unknown"]],
        },
    },
    required=("url",),
)


@hookimpl
def runner_register_sinks() -> tuple[SinkType, ...]:
    return (HEALTHCHECKS,)


@hookimpl
def runner_tick_started(tick: Tick) -> None:
    """Pings `/start` where the environment has HEALTHCHECKS_START_URL, so that durations are measured."""
    import os

    url = os.environ.get("HEALTHCHECKS_START_URL", "")
    if url:
        from runner_healthchecks.run import begin

        begin(url, tick)
