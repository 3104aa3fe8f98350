"""How long a run may go on: nothing new starts after the soft end, everything ends at the hard one."""

from __future__ import annotations

from dataclasses import dataclass

from runner.api import Clock, Job, RunContext
from runner.schedule.window import window_end


@dataclass(frozen=True, slots=True)
class Budget:
    """`soft` and `hard` are readings of the monotonic clock; None means without an end."""

    clock: Clock
    soft: float | None = None
    hard: float | None = None
    why: str = ""

    def is_over(self) -> bool:
        return any(end is not None and self.clock.elapsed() >= end for end in (self.soft, self.hard))

    def left(self) -> float | None:
        """Seconds until a running statement has to be cancelled."""
        return None if self.hard is None else max(0.001, self.hard - self.clock.elapsed())


def budget_of(context: RunContext, job: Job) -> Budget:
    """The job's timeout and the end of its window, whichever comes first."""
    start = context.clock.elapsed()
    left = context.deadline()
    end = window_end(job.window, context.now) if job.window else None
    hard = None if left is None else start + left
    soft = None if end is None else start + (end - context.now).total_seconds()
    window_first = job.window is not None and soft is not None and (hard is None or soft < hard)
    why = f"the window {job.window.name} has ended" if window_first and job.window else "the time is up"
    return Budget(context.clock, soft=soft, hard=hard, why=why)
