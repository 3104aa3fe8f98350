"""From an outcome to a result with its transitions, ready to be recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from runner.engine.claims import Claimed
from runner.engine.track import track
from runner.model.history import Series
from runner.model.problem import Memory
from runner.model.result import Outcome, Result
from runner.store.base import Recorded


def finish(
    claimed: Claimed, outcome: Outcome, *, memory: Memory, seen: Iterable[Series], started: datetime, now: datetime
) -> Recorded:
    """Pure: what is recorded for this run, and the problems that it leaves."""
    job = claimed.job
    if claimed.late:
        outcome = replace(outcome, notes=(claimed.late, *outcome.notes))
    tracked = track(job, claimed.target, outcome, memory, now, seen)
    result = Result(
        run=claimed.run,
        job=job.name,
        kind=job.kind,
        group=job.group,
        title=job.title,
        target=claimed.target,
        slot=claimed.slot,
        started=started,
        finished=now,
        outcome=tracked.outcome,
        transitions=tracked.transitions,
        hint="" if any(finding.hint for finding in tracked.outcome.findings) else job.hint,
        runbook=job.runbook,
        tags=job.tags,
        order=job.order,
    )
    return Recorded(result=result, problems=tracked.memory.problems)
