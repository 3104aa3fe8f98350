"""How far each job has come on each target."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runner.model.codec import instant, moment
from runner.model.history import Seen
from runner.store.base import CursorRecord
from runner.store.database import Database
from runner.store.values import moment_or_none


def read_cursors(db: Database) -> dict[tuple[str, str], CursorRecord]:
    rows = db.execute("select job, target, slot, digest, first_seen, retired from cursors")
    return {
        (job, target): CursorRecord(
            job=job, target=target, slot=moment(slot), digest=digest, first_seen=moment(first_seen),
            retired=moment_or_none(retired),
        )
        for job, target, slot, digest, first_seen, retired in rows
    }  # fmt: skip


def read_seen(db: Database) -> dict[tuple[str, str], Seen]:
    rows = db.execute(
        "select c.job, c.target, c.first_seen, c.slot, r.slot from cursors c"
        " left join newest n on n.job = c.job and n.target = c.target left join runs r on r.id = n.run"
    )
    return {
        (job, target): Seen(moment(first), moment(slot), moment_or_none(evaluated))
        for job, target, first, slot, evaluated in rows
    }


def set_cursor(db: Database, whose: tuple[str, str], slot: datetime, digest: str, now: datetime) -> None:
    """Moves the cursor to the slot, forwards or backwards."""
    db.execute(
        "insert into cursors (job, target, slot, digest, first_seen) values (?, ?, ?, ?, ?)"
        " on conflict (job, target) do update set slot = excluded.slot, digest = excluded.digest, retired = null",
        (*whose, instant(slot), digest, instant(now)),
    )


def advance_cursor(db: Database, whose: tuple[str, str], slot: datetime, digest: str, now: datetime) -> None:
    """Moves the cursor to the slot unless it is further on: a second attempt belongs to an older slot."""
    advance_cursors(db, [(whose, slot, digest, now)])


def advance_cursors(db: Database, moves: Iterable[tuple[tuple[str, str], datetime, str, datetime]]) -> None:
    """The same for any number of them: whose, slot, digest, and now."""
    db.executemany(
        "insert into cursors (job, target, slot, digest, first_seen) values (?, ?, ?, ?, ?)"
        " on conflict (job, target) do update"
        " set slot = case when excluded.slot > cursors.slot then excluded.slot else cursors.slot end,"
        " digest = excluded.digest, retired = null",
        [(*whose, instant(slot), digest, instant(now)) for whose, slot, digest, now in moves],
    )


def retire_cursor(db: Database, whose: tuple[str, str], now: datetime) -> bool:
    """Notes when the home stopped having the job on the target; False when that is known already."""
    changed = db.execute(
        "update cursors set retired = ? where job = ? and target = ? and retired is null", (instant(now), *whose)
    )
    return changed.rowcount == 1
