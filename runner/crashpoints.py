"""Named moments at which a test lets the process die: a hook that does nothing unless the environment asks for it."""

from __future__ import annotations

import os
import signal

VARIABLE = "RUNNER_CRASH_AT"
"""`NAME` or `NAME:N`: the process kills itself the n-th time it comes to that point."""

COMMITS = (
    "anchor", "decide", "passed", "retire", "claim", "take-over", "interrupt", "adopt", "record", "report", "settle",
    "tick", "prune-step", "prune-done", "prune-forget",
)  # fmt: skip
"""What is committed to the store; each has a point before and one after its transaction."""

POINTS = (
    *(f"{side}-{name}" for name in COMMITS for side in ("before", "after")),
    "before-run", "after-run", "before-emit", "after-emit",
)  # fmt: skip
"""Every name there is. `run` is a job's own work, `emit` a sink's."""

_name, _, _times = os.environ.get(VARIABLE, "").partition(":")
_left = int(_times) if _times.isdecimal() else 1


def reached(name: str) -> None:
    """The process is at this point; perhaps it does not get further."""
    if name == _name:
        _die()


def _die() -> None:
    global _left
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
