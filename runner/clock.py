"""The only place that asks what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """`now` is an aware UTC datetime; `elapsed` is a monotonic number of seconds."""

    def now(self) -> datetime: ...

    def elapsed(self) -> float: ...


_NAP = 0.2


def sleep(seconds: float, clock: Clock, stopped: Callable[[], bool]) -> None:
    """Waits so long, and looks again and again whether it must stop."""
    end = clock.elapsed() + seconds
    while (left := end - clock.elapsed()) > 0 and not stopped():
        time.sleep(min(left, _NAP))


class SystemClock:
    """The host's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.monotonic()


class ShiftedClock:
    """Stands at `start` when it is made and goes on from there: rehearsals with `--now`."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._origin = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._origin)

    def elapsed(self) -> float:
        return time.monotonic()
