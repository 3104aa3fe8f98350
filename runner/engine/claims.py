"""Turns decisions into claimed runs, and finds what a dead tick left behind."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from runner.engine.decision import Decision, Verdict
from runner.engine.passed import Passed, schedule_digest
from runner.model.job import Job
from runner.records import dataclass
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
    ended: str = ""
    """Why it does not apply any more; its open problems end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A run whose tick died; `job` is None when the home no longer has it."""

    record: RunRecord
    job: Job | None


NOT_KNOWN = "whether it did its work is not known"
_GONE = "the process that ran it is gone"
_LOST = "it was handed out, and nobody has it any more"
_TOO_OFTEN = "it was interrupted too often"
_MOST_ATTEMPTS = 3
_MOST_AT_ONCE = 1000
_MOST_ROWS = 10_000


def new_run() -> str:
    return uuid.uuid4().hex


def claim_due(
    store: Store, decisions: Iterable[Decision], jobs: Mapping[str, Job], tick: str, now: datetime, wave: str = ""
) -> list[Claimed]:
    """Settles every decision in the store and returns the runs that were won; in a `wave` they are to be handed out."""
    wishes: list[Claimed] = []
    for decision in decisions:
        job = jobs[decision.job]
        if decision.passed and (decision.passed.status == "skipped" or not decision.verdict.waits):
            settle_passed(store, decision.passed, job, decision.target, now)
        if decision.verdict.runs and decision.slot:
            late = decision.reason if decision.verdict is Verdict.RUN_LATE else ""
            wishes.append(Claimed(run=new_run(), job=job, target=decision.target, slot=decision.slot, late=late))
        else:
            _settle(store, decision, job, now)
    return _won(store, wishes, tick, now, wave=wave)


def settle_passed(store: Store, passed: Passed, job: Job, target: str, now: datetime) -> None:
    """Accounts for slots that nobody runs. What has a row already was settled before the clock was set back."""
    rows = store.runs(job=job.name, since=passed.since, limit=_MOST_ROWS)
    for left in passed.without((row.since or row.slot, row.slot) for row in rows if row.target == target):
        # With the digest of the schedule that they belong to: whoever goes on after a crash still sees the edit.
        store.decide(
            job=job.name, kind=job.kind, group=job.group, target=target, slot=left.slot, status=left.status,
            reason=left.reason, now=now, digest=schedule_digest(left.schedule), slots=left.slots, since=left.since,
        )  # fmt: skip


def claim_again(
    store: Store,
    orphans: Iterable[Orphan],
    tick: str,
    now: datetime,
    against: Callable[[Job, datetime], str],
    due: frozenset[tuple[str, str]] = frozenset(),
    wave: str = "",
) -> list[Claimed]:
    """Marks the orphans as interrupted and claims their slots: to run once more, or to tell why not.

    `against` says why a job must not be run again for a slot. `due` are job and target with a newer slot that is run
    now: it does the same work.
    """
    claimed: list[Claimed] = []
    for orphan in orphans:
        record, job = orphan.record, orphan.job
        if job is None or (record.job, record.target) in due:
            why = f"{_gone(record)}; {'its job is gone' if job is None else 'a newer slot is run instead'}"
            store.interrupt(record.run, why, now)
            continue
        refused = against(job, record.slot) or (_TOO_OFTEN if record.attempt >= _MOST_ATTEMPTS else "")
        told = f"was interrupted and is not run again: {refused}" if refused else ""
        wish = _next_attempt(record, job, late=f"run {record.attempt} was interrupted", refused=told)
        if store.take_over(record.run, _gone(record), _claim_of(wish, tick, now, wave="" if refused else wave)):
            claimed.append(wish)
    return claimed


def give_up(store: Store, waiting: Iterable[Orphan], tick: str, now: datetime, why: str) -> list[Claimed]:
    """Takes runs back that no worker has begun: they are told as unknown, for this reason and the worker's own."""
    claimed: list[Claimed] = []
    for item in waiting:
        record, job = item.record, item.job
        reason = f"{why}: {record.reason}" if record.reason else why
        if job is None:
            store.interrupt(record.run, f"{reason}; its job is gone", now)
            continue
        wish = _next_attempt(record, job, refused=reason)
        if store.take_over(record.run, reason, _claim_of(wish, tick, now)):
            claimed.append(wish)
    return claimed


def _next_attempt(record: RunRecord, job: Job, *, late: str = "", refused: str = "") -> Claimed:
    return Claimed(
        run=new_run(), job=job, target=record.target, slot=record.slot, attempt=record.attempt + 1, late=late,
        refused=refused,
    )  # fmt: skip


def _gone(record: RunRecord) -> str:
    return _LOST if record.waits else _GONE


def living(
    store: Store, running: Collection[RunRecord], held: Callable[[frozenset[str]], frozenset[str]] | None = None
) -> frozenset[str]:
    """The ticks of these runs whose processes live; each is asked about once, however many runs it has.

    `held` says which waves still wait for workers; without it all of them are believed to.
    """
    alive = frozenset(tick for tick in {record.tick for record in running} if store.is_held(tick))
    waves = frozenset(record.tick for record in running if record.waits) - alive
    return alive | (held(waves) if held and waves else waves)


def orphans(running: Iterable[RunRecord], alive: Collection[str], jobs: Mapping[str, Job]) -> list[Orphan]:
    """Runs that are recorded as running although their tick is gone."""
    return [Orphan(record=record, job=jobs.get(record.job)) for record in running if record.tick not in alive]


def claim_now(
    store: Store, jobs: Iterable[tuple[Job, str]], tick: str, now: datetime, *, ended: str = ""
) -> list[Claimed]:
    """Runs that no schedule asks for: their slot is this instant, or the next that is free, and no cursor moves."""
    claimed: list[Claimed] = []
    open_ = list(jobs)
    for count in range(_MOST_AT_ONCE):
        slot = now + timedelta(microseconds=count)
        wishes = [Claimed(run=new_run(), job=job, target=target, slot=slot, ended=ended) for job, target in open_]
        won = _won(store, wishes, tick, now, scheduled=False)
        claimed += won
        runs = {wish.run for wish in won}
        open_ = [(wish.job, wish.target) for wish in wishes if wish.run not in runs]
        if not open_:
            break
    return claimed


def _won(
    store: Store, wishes: Sequence[Claimed], tick: str, now: datetime, *, scheduled: bool = True, wave: str = ""
) -> list[Claimed]:
    """Those that are ours now, claimed in one transaction."""
    runs = store.claim(*(_claim_of(wish, tick, now, scheduled=scheduled, wave=wave) for wish in wishes))
    return [wish for wish in wishes if wish.run in runs]


def _claim_of(wish: Claimed, tick: str, now: datetime, *, scheduled: bool = True, wave: str = "") -> Claim:
    job = wish.job
    return Claim(
        run=wish.run,
        job=job.name,
        kind=job.kind,
        group=job.group,
        target=wish.target,
        slot=wish.slot,
        tick=tick,
        wave=wave,
        now=now,
        digest=_digest(job),
        attempt=wish.attempt,
        scheduled=scheduled,
    )


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
