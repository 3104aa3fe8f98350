"""A result that did not happen: a critical problem opens, so that the routes can be asked what they would do."""

from __future__ import annotations

from datetime import datetime

from runner.api import Change, Finding, Job, Outcome, Result, Series, State, Transition


def opened(job: Job, target: str, now: datetime) -> Result:
    """A result of the job in which a critical problem opens."""
    transition = Transition(
        job=job.name, target=target, series=Series(), before=State.OK, after=State.CRITICAL, change=Change.OPENED,
        at=now, since=now,
    )  # fmt: skip
    finding = Finding(state=State.CRITICAL, message="", since=now)
    return Result(
        run="", job=job.name, kind=job.kind, group=job.group, title=job.title, target=target, slot=now, started=now,
        finished=now, outcome=Outcome(summary="", findings=(finding,)), transitions=(transition,), tags=job.tags,
        order=job.order,
    )  # fmt: skip
