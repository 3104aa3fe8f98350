"""Turns decisions into claimed runs, and finds what a dead tick left behind."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from runner.engine.due import Decision, Verdict, schedule_digest
from runner.model.job import Job
from runner.store.base import Claim, RunRecord, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A run that is ours: recorded as running before anything else happens."""

    run: str
    job: Job
    target: str
    slot: datetime
    attempt: int = 1
    late: str = ""
    """Said in the report when the slot is not run on time."""
    refused: str = ""
    """Why it must not be executed; its result is unknown with this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A run whose tick died; `job` is None when the home no longer has it."""

    record: RunRecord
    job: Job | None


INTERRUPTED = "was interrupted and is not run again: whether it did its work is not known"
_MOST_ATTEMPTS = 3
_MOST_AT_ONCE = 1000


def new_run() -> str:
    return uuid.uuid4().hex


def claim_due(
    store: Store, decisions: Iterable[Decision], jobs: Mapping[str, Job], tick: str, now: datetime
) -> list[Claimed]:
    """Settles every decision in the store and returns the runs that were won."""
    claimed: list[Claimed] = []
    for decision in decisions:
        job = jobs[decision.job]
        if decision.verdict in (Verdict.RUN, Verdict.RUN_LATE) and decision.slot:
            late = decision.reason if decision.verdict is Verdict.RUN_LATE else ""
            wish = Claimed(run=new_run(), job=job, target=decision.target, slot=decision.slot, late=late)
            claimed += _won(store, wish, tick, now)
        else:
            _settle(store, decision, job, now)
    return claimed


def claim_again(
    store: Store, orphans: Iterable[Orphan], tick: str, now: datetime, repeats: Callable[[Job], bool]
) -> list[Claimed]:
    """Marks the orphans as interrupted and claims their slots: to run once more, or to tell why not."""
    claimed: list[Claimed] = []
    for orphan in orphans:
        record, job = orphan.record, orphan.job
        store.interrupt(record.run, "the process that ran it is gone", now)
        if job is None:
            continue
        again = repeats(job) and record.attempt < _MOST_ATTEMPTS
        wish = Claimed(
            run=new_run(),
            job=job,
            target=record.target,
            slot=record.slot,
            attempt=record.attempt + 1,
            late=f"run {record.attempt} was interrupted",
            refused="" if again else INTERRUPTED,
        )
        claimed += _won(store, wish, tick, now)
    return claimed


def orphans(store: Store, jobs: Mapping[str, Job]) -> list[Orphan]:
    """Runs that are recorded as running although their tick is gone."""
    return [
        Orphan(record=record, job=jobs.get(record.job)) for record in store.running() if not store.is_held(record.tick)
    ]


def claim_now(store: Store, jobs: Iterable[tuple[Job, str]], tick: str, now: datetime) -> list[Claimed]:
    """Runs asked for by name: their slot is this instant, or the next that is free, and no cursor moves."""
    claimed: list[Claimed] = []
    for job, target in jobs:
        instants = (now + timedelta(microseconds=count) for count in range(_MOST_AT_ONCE))
        wishes = (Claimed(run=new_run(), job=job, target=target, slot=slot) for slot in instants)
        claimed += next(filter(None, (_won(store, wish, tick, now, scheduled=False) for wish in wishes)), [])
    return claimed


def _won(store: Store, wish: Claimed, tick: str, now: datetime, *, scheduled: bool = True) -> list[Claimed]:
    job = wish.job
    claim = Claim(
        run=wish.run,
        job=job.name,
        kind=job.kind,
        group=job.group,
        target=wish.target,
        slot=wish.slot,
        tick=tick,
        now=now,
        digest=_digest(job),
        attempt=wish.attempt,
        scheduled=scheduled,
    )
    return [wish] if store.claim(claim) else []


def _settle(store: Store, decision: Decision, job: Job, now: datetime) -> None:
    if decision.verdict in (Verdict.MISSED, Verdict.SKIPPED) and decision.slot:
        status: Literal["missed", "skipped"] = "missed" if decision.verdict is Verdict.MISSED else "skipped"
        store.decide(
            job=job.name,
            kind=job.kind,
            group=job.group,
            target=decision.target,
            slot=decision.slot,
            status=status,
            reason=decision.reason,
            now=now,
            digest=_digest(job),
        )
    elif decision.cursor:
        store.anchor(job.name, decision.target, decision.cursor.slot, decision.cursor.digest, now)


def _digest(job: Job) -> str:
    return schedule_digest(job.schedule) if job.schedule else ""
