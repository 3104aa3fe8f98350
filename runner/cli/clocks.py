"""The clock that `--now` sets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from runner.clock import Clock, ShiftedClock, SystemClock
from runner.errors import ConfigurationError

_TOO_EARLY = datetime(2020, 1, 1, tzinfo=UTC)
"""Before runner was written: the machine has not been told the time yet."""


def now_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--now TIME`."""
    return click.option(
        "--now", "now", metavar="TIME", default="", help="Stand-in for the clock, such as 2026-11-25T03:00Z."
    )(command)


def clock_for(now: str) -> Clock:
    """The host's clock, or one that stands at `now` and goes on from there; raises ScheduleError."""
    if not now:
        return SystemClock()
    from runner.schedule import parse_time

    return ShiftedClock(parse_time(now, SystemClock().now()))


def clock_that_runs(now: str) -> Clock:
    """The same for commands that run jobs; raises ConfigurationError while it cannot be right."""
    clock = clock_for(now)
    if clock.now() < _TOO_EARLY:
        raise ConfigurationError(
            f"the clock says {clock.now():%Y-%m-%d %H:%M} UTC: nothing is run, and no slot settled, until it is set",
            hint="set the machine's clock (timedatectl status shows it)",
        )
    return clock
