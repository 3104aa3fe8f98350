"""`runner` on a host with a clock of its own: `python -m torture.shifted WORDS…`, with TORTURE_CLOCK="BEGAN SPEED SHIFT"."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta

from runner import clock
from torture.ground import BEGIN

VARIABLE = "TORTURE_CLOCK"


def time_at(began: float, speed: float, shift: float = 0.0) -> datetime:
    """What a clock shows that went off at BEGIN, `began` in the host's epoch seconds."""
    return BEGIN + timedelta(seconds=(time.time() - began) * speed + shift)


class ItsOwnClock(clock.SystemClock):
    """The clock of the environment."""

    def now(self) -> datetime:
        return time_at(*map(float, os.environ[VARIABLE].split()))


def main() -> int:
    """Runs the command line with that clock wherever it asks for the host's."""
    import runner.cli.clocks
    import runner.cli.commands.worker

    for module in (clock, runner.cli.clocks, runner.cli.commands.worker):
        module.SystemClock = ItsOwnClock  # type: ignore[attr-defined]
    from runner.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
