"""The clock that `--now` sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from runner.clock import Clock, ShiftedClock, SystemClock


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
