"""Runs the `sql` steps of a job, one statement after the other, when the conditions of the job let it."""

from __future__ import annotations

import time
from typing import Final

from runner.api import QueryError, Rows, RunContext, Session
from runner.kinds.maintenance import watch
from runner.kinds.maintenance.budget import Budget
from runner.kinds.maintenance.calls import Call
from runner.kinds.maintenance.spec import Limits, SqlStep
from runner.model.quantity import show_duration
from runner.records import dataclass

_NO_TRANSACTION: Final = "25001"
_LOOK_EVERY: Final = 1.0
_MOMENT: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A statement of a job: `complaint` is empty when it succeeded, `warned` tells a warning from a failure."""

    name: str
    seconds: float = 0.0
    complaint: str = ""
    warned: bool = False

    @property
    def succeeded(self) -> bool:
        return self.warned or not self.complaint


def run_statement(session: Session, step: SqlStep, call: Call, name: str, timeout: float | None) -> Ran:
    """One statement; what goes wrong is its complaint."""
    answer = _execute(session, step, call, timeout)
    if isinstance(answer, QueryError):
        return Ran(name=name, seconds=answer.seconds, complaint=_explained(answer))
    warnings = [notice.message for notice in answer.notices if notice.severity == "WARNING"]
    complaint = f"the server warned: {warnings[0]}" if warnings else ""
    return Ran(name=name, seconds=answer.seconds, complaint=complaint, warned=bool(warnings))


def _execute(session: Session, step: SqlStep, call: Call, timeout: float | None) -> Rows | QueryError:
    if step.autocommit:
        return session.execute(step.sql, call.params, timeout=timeout)
    begun = session.execute("begin")
    if isinstance(begun, QueryError):
        return begun
    answer = session.execute(step.sql, call.params, timeout=timeout)
    ended = session.execute("rollback" if isinstance(answer, QueryError) else "commit")
    return ended if isinstance(ended, QueryError) and isinstance(answer, Rows) else answer


def _explained(error: QueryError) -> str:
    if error.sqlstate == _NO_TRANSACTION:
        return f"{error}; add `autocommit: true` to the step"
    return str(error)


def wait_until_allowed(context: RunContext, session: Session, limits: Limits, budget: Budget, here: str) -> list[str]:
    """Waits while `pause_when` holds, and halts the budget when `stop_when` does; what the report has to say of it."""
    notes: list[str] = []
    since, why = time.monotonic(), ""
    while not budget.is_over():
        load = watch.load(session, limits, [], context.params)
        if load.blind:
            notes = [load.blind]
        if load.stop:
            budget.halt(f"stopped, because {load.stop}")
        if not load.pause:
            break
        if not why:
            context.progress(f"{here}paused, because {load.pause}")
        why = load.pause
        _rest(budget)
    if why:
        notes.append(f"paused for {show_duration(round(time.monotonic() - since, 1))} in all, because {why}")
    return notes


def _rest(budget: Budget) -> None:
    until = time.monotonic() + _LOOK_EVERY
    while time.monotonic() < until and not budget.is_over():
        time.sleep(_MOMENT)
