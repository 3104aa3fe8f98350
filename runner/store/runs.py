"""Slots and what became of them: claimed, decided, interrupted, done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from runner.errors import StoreError
from runner.model.codec import clean, instant, moment
from runner.model.result import Result
from runner.model.state import State
from runner.store.base import Claim, Decision, RunRecord, Status
from runner.store.cursors import advance_cursor, advance_cursors
from runner.store.database import Database
from runner.store.values import instant_or_none, moment_or_none

_COLUMNS = 'run, job, kind, "group", target, slot, attempt, status, reason, state, summary, started, finished, tick, slots, since, wave'
_FAILED = "status = 'done' and (state = 'unknown' or (kind <> 'check' and state = 'critical'))"

_STATISTICS = f"""
    select s.job, s.target, n."group", s.tried, s.failed, s.interrupted, s.missed, s.skipped, s.started, s.slot
    from (
        select job, target, max(id) as newest, coalesce(sum(slots) filter (where attempt > 0), 0) as tried,
            count(*) filter (where {_FAILED}) as failed, count(*) filter (where status = 'interrupted') as interrupted,
            coalesce(sum(slots) filter (where status = 'missed'), 0) as missed,
            coalesce(sum(slots) filter (where status = 'skipped'), 0) as skipped,
            max(started) as started, max(slot) as slot
        from runs where slot > ? group by job, target
    ) s join runs n on n.id = s.newest order by s.job, s.target
"""  # noqa: S608


_Slot: TypeAlias = tuple[str, str, str]
_MANY = 8
"""So many claims of one slot are looked up together."""


def claim_runs(db: Database, claims: Sequence[Claim]) -> frozenset[str]:
    """Inserts the runs, and moves the cursors of scheduled ones; those whose slot may be run at this attempt."""
    known, won = _attempts(db, claims), list[Claim]()
    for claim in claims:
        attempts = known[_slot_of(claim)]
        if all(status == "interrupted" and attempt < claim.attempt for attempt, status in attempts):
            attempts.append((claim.attempt, "running"))
            won.append(claim)
    db.executemany(
        'insert into runs (run, job, kind, "group", target, slot, attempt, tick, wave, status, started)'
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)",
        [
            (claim.run, claim.job, claim.kind, claim.group, claim.target, instant(claim.slot), claim.attempt,
             claim.tick, claim.wave, instant(claim.now))
            for claim in won
        ],
    )  # fmt: skip
    advance_cursors(
        db, [((claim.job, claim.target), claim.slot, claim.digest, claim.now) for claim in won if claim.scheduled]
    )
    return frozenset(claim.run for claim in won)


def claim_run(db: Database, claim: Claim) -> bool:
    return bool(claim_runs(db, [claim]))


def _attempts(db: Database, claims: Sequence[Claim]) -> Mapping[_Slot, list[tuple[int, str]]]:
    """Attempt and status of what each claimed slot has already."""
    found: dict[_Slot, list[tuple[int, str]]] = defaultdict(list)
    counts = Counter(claim.slot for claim in claims)
    for slot in {slot for slot, count in counts.items() if count >= _MANY}:
        rows = db.execute("select job, target, slot, attempt, status from runs where slot = ?", (instant(slot),))
        for job, target, text, attempt, status in rows:
            found[job, target, text].append((attempt, status))
    for key in {_slot_of(claim) for claim in claims if counts[claim.slot] < _MANY}:
        found[key] = list(
            db.execute("select attempt, status from runs where job = ? and target = ? and slot = ?", key).fetchall()
        )
    return found


def _slot_of(claim: Claim) -> _Slot:
    return claim.job, claim.target, instant(claim.slot)


def decide_slot(
    db: Database,
    status: Decision,
    reason: str,
    *,
    job: str,
    kind: str,
    group: str,
    target: str,
    slot: datetime,
    now: datetime,
    digest: str,
    slots: int,
    since: datetime | None,
) -> bool:
    """Inserts a slot without a run and moves the cursor; False when the slot has a row already."""
    where = (job, target, instant(slot))
    if db.execute("select 1 from runs where job = ? and target = ? and slot = ?", where).fetchone():
        return False
    db.execute(
        'insert into runs (job, target, slot, kind, "group", attempt, status, reason, finished, slots, since)'
        " values (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
        (*where, kind, group, status, clean(reason), instant(now), slots, instant_or_none(since)),
    )
    advance_cursor(db, (job, target), slot, digest, now)
    return True


def interrupt_run(db: Database, run: str, reason: str, now: datetime) -> bool:
    changed = db.execute(
        "update runs set status = 'interrupted', reason = ?, finished = ? where run = ? and status = 'running'",
        (clean(reason), instant(now), run),
    )
    return changed.rowcount == 1


def take_over_run(db: Database, run: str, reason: str, claim: Claim) -> bool:
    """One transaction: a process that dies in between leaves the run as it was, for the next to find."""
    return interrupt_run(db, run, reason, claim.now) and claim_run(db, claim)


def begin_runs(db: Database, runs: Collection[str], wave: str, tick: str) -> frozenset[str]:
    """Those that still wait in the wave are the tick's from now on: whoever comes second gets none."""
    return frozenset(
        run
        for run in runs
        if db.execute(
            "update runs set tick = ?, reason = '' where run = ? and status = 'running' and tick = ? and wave = ?",
            (tick, run, wave, wave),
        ).rowcount
    )


def put_off_runs(db: Database, runs: Collection[str], wave: str, reason: str) -> None:
    db.executemany(
        "update runs set reason = ? where run = ? and status = 'running' and tick = ?",
        [(clean(reason), run, wave) for run in runs],
    )


def finish_run(db: Database, result: Result) -> int:
    """Marks the result's run as done and returns its number; one that was thought dead may still finish."""
    row = db.execute("select id, status from runs where run = ?", (result.run,)).fetchone()
    if row is None:
        raise StoreError(f"run {result.run} of {result.job} cannot be recorded: it was never claimed")
    number, status = row
    if status == "done":
        raise StoreError(f"run {result.run} of {result.job} is recorded already")
    db.execute(
        "update runs set status = 'done', reason = '', state = ?, summary = ?, started = ?, finished = ? where id = ?",
        (result.state.value, clean(result.outcome.summary), instant(result.started), instant(result.finished), number),
    )
    return int(number)


def running_runs(db: Database) -> tuple[RunRecord, ...]:
    rows = db.execute(f"select {_COLUMNS} from runs where status = 'running' order by id")  # noqa: S608
    return tuple(_record(row) for row in rows)


def newest_attempt(db: Database, job: str, target: str, slot: datetime) -> RunRecord | None:
    row = db.execute(
        f"select {_COLUMNS} from runs where job = ? and target = ? and slot = ? order by attempt desc limit 1",  # noqa: S608
        (job, target, instant(slot)),
    ).fetchone()
    return _record(row) if row else None


def newest_attempts(db: Database, slot: datetime) -> dict[tuple[str, str], RunRecord]:
    rows = db.execute(f"select {_COLUMNS} from runs where slot = ? order by attempt", (instant(slot),))  # noqa: S608
    return {(record.job, record.target): record for record in map(_record, rows)}


def list_runs(
    db: Database,
    limit: int,
    *,
    job: str | None,
    group: str | None,
    status: Status | None,
    since: datetime | None,
) -> tuple[RunRecord, ...]:
    """The newest first."""
    conditions = {
        "job = ?": job, '"group" = ?': group, "status = ?": status, "slot >= ?": since and instant(since)
    }  # fmt: skip
    given = {text: value for text, value in conditions.items() if value is not None}
    where = " and ".join(given) or "true"
    rows = db.execute(
        f"select {_COLUMNS} from runs where {where} order by id desc limit ?",  # noqa: S608
        (*given.values(), limit),
    )
    return tuple(_record(row) for row in rows)


def statistics_of_runs(db: Database, since: datetime) -> list[dict[str, object]]:
    """One mapping per job and target; `failed` counts runs that could not look or could not do their work."""
    rows = db.execute(
        _STATISTICS,
        (instant(since),),
    ).fetchall()
    return [_statistics(row, _last_state(db, row[0], row[1], since)) for row in rows]


def _last_state(db: Database, job: str, target: str, since: datetime) -> str | None:
    row = db.execute(
        "select state from runs where job = ? and target = ? and slot > ? and status = 'done'"
        " order by slot desc, attempt desc limit 1",
        (job, target, instant(since)),
    ).fetchone()
    return row[0] if row else None


def _statistics(row: Sequence[Any], last_state: str | None) -> dict[str, object]:
    names = ("job", "target", "group", "runs", "failed", "interrupted", "missed", "skipped")
    return {
        **dict(zip(names[:3], row[:3], strict=True)),
        **dict(zip(names[3:], map(int, row[3:8]), strict=True)),
        "last_started": moment_or_none(row[8]),
        "last_state": last_state,
        "last_slot": moment(row[9]),
    }


def _record(row: Sequence[Any]) -> RunRecord:
    run, job, kind, group, target, slot, attempt, status, reason, state, summary, started, finished, *rest = row
    tick, slots, since, wave = rest
    return RunRecord(
        run=run or "", job=job, kind=kind, group=group, target=target, slot=moment(slot), attempt=attempt,
        status=status, reason=reason, state=State(state) if state else None, summary=summary,
        started=moment_or_none(started), finished=moment_or_none(finished), tick=tick,
        slots=slots, since=moment_or_none(since), wave=wave,
    )  # fmt: skip
