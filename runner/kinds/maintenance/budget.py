"""How long a run may go on: nothing new starts after a soft end, and everything ends at the hard one."""

from __future__ import annotations

from dataclasses import field, replace

from runner.api import Job, RunContext
from runner.kinds.maintenance.spec import Limits
from runner.model.quantity import show_duration
from runner.records import dataclass
from runner.schedule.window import window_end


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A reading of the monotonic clock after which nothing new starts, and why."""

    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The ends of a run or a step. The deadline is asked anew each time: it is zero when runner itself has to stop.

    With `cancels` what still runs at the first soft end is cancelled. `halted` holds the one reason, if any, for
    which the run must go no further; parts of a budget share it.
    """

    context: RunContext
    ends: tuple[End, ...] = ()
    cancels: bool = False
    halted: list[str] = field(default_factory=list)

    def halt(self, why: str) -> None:
        """Nothing more is started in this run."""
        self.halted.append(why)

    def is_over(self) -> bool:
        return bool(self.halted) or self._ended() is not None or self.context.deadline() == 0

    def must_cancel(self) -> bool:
        """Whether running statements have to be cancelled now."""
        return bool(self.halted) or self.context.deadline() == 0 or (self.cancels and self._ended() is not None)

    def left(self) -> float | None:
        """Seconds until a running statement has to be cancelled."""
        hard = self.context.deadline()
        soft = self.left_to_start() if self.cancels else None
        known = [seconds for seconds in (hard, soft) if seconds is not None]
        return max(0.001, min(known)) if known else None

    def left_to_start(self) -> float | None:
        """Seconds in which what starts now has to be done; None without any end."""
        now = self.context.clock.elapsed()
        deadline = self.context.deadline()
        known = [end.at - now for end in self.ends] + ([] if deadline is None else [deadline])
        return max(0.0, min(known)) if known else None

    @property
    def why(self) -> str:
        """Why nothing more was started."""
        if self.halted:
            return self.halted[0]
        end = self._ended()
        return end.why if end else "the time is up"

    def within(self, seconds: float | None) -> Budget:
        """The same with a budget of its own that begins now."""
        if seconds is None:
            return self
        return replace(self, ends=(*self.ends, _of(self.context, seconds)))

    def _ended(self) -> End | None:
        now = self.context.clock.elapsed()
        return next((end for end in self.ends if now >= end.at), None)


def budget_of(context: RunContext, job: Job, limits: Limits) -> Budget:
    """The job's timeout, its budget and the end of its window; a run by hand outside of the window has no such end."""
    ends = [] if limits.budget is None else [_of(context, limits.budget)]
    end = window_end(job.window, context.now) if job.window else None
    if job.window is not None and end is not None:
        left = (end - context.now).total_seconds()
        ends.append(End(at=context.clock.elapsed() + left, why=f"the window {job.window.name} has ended"))
    return Budget(context=context, ends=tuple(ends), cancels=limits.at_end == "cancel")


def _of(context: RunContext, seconds: float) -> End:
    return End(at=context.clock.elapsed() + seconds, why=f"the budget of {show_duration(seconds)} is used up")
