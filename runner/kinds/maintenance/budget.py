"""How long a run may go on: nothing new starts after the window's end, everything ends at the deadline."""

from __future__ import annotations

from dataclasses import dataclass

from runner.api import Job, RunContext
from runner.schedule.window import window_end


@dataclass(frozen=True, slots=True)
class Budget:
    """`soft` is a reading of the monotonic clock after which nothing new starts; None without a window.

    The deadline is asked anew each time: it is zero when runner itself has to stop.
    """

    context: RunContext
    soft: float | None = None
    window: str = ""

    def is_over(self) -> bool:
        return self._window_is_over() or self.context.deadline() == 0

    def left(self) -> float | None:
        """Seconds until a running statement has to be cancelled."""
        left = self.context.deadline()
        return None if left is None else max(0.001, left)

    @property
    def why(self) -> str:
        """Why nothing more was started."""
        return f"the window {self.window} has ended" if self._window_is_over() else "the time is up"

    def _window_is_over(self) -> bool:
        return self.soft is not None and self.context.clock.elapsed() >= self.soft


def budget_of(context: RunContext, job: Job) -> Budget:
    """The job's timeout and the end of its window; a run by hand outside of the window has only the first."""
    end = window_end(job.window, context.now) if job.window else None
    if job.window is None or end is None:
        return Budget(context)
    return Budget(context, context.clock.elapsed() + (end - context.now).total_seconds(), job.window.name)
