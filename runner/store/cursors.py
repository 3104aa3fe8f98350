"""How far each job has come on each target."""

from __future__ import annotations

from datetime import datetime

from runner.model.codec import instant, moment
from runner.store.base import CursorRecord
from runner.store.database import Database


def read_cursors(db: Database) -> dict[tuple[str, str], CursorRecord]:
    rows = db.execute("select job, target, slot, digest, first_seen from cursors")
    return {
        (job, target): CursorRecord(
            job=job, target=target, slot=moment(slot), digest=digest, first_seen=moment(first_seen)
        )
        for job, target, slot, digest, first_seen in rows
    }


def set_cursor(db: Database, whose: tuple[str, str], slot: datetime, digest: str, now: datetime) -> None:
    """Moves the cursor to the slot, forwards or backwards."""
    db.execute(
        "insert into cursors (job, target, slot, digest, first_seen) values (?, ?, ?, ?, ?)"
        " on conflict (job, target) do update set slot = excluded.slot, digest = excluded.digest",
        (*whose, instant(slot), digest, instant(now)),
    )


def advance_cursor(db: Database, whose: tuple[str, str], slot: datetime, digest: str, now: datetime) -> None:
    """Moves the cursor to the slot unless it is further on: a second attempt belongs to an older slot."""
    db.execute(
        "insert into cursors (job, target, slot, digest, first_seen) values (?, ?, ?, ?, ?)"
        " on conflict (job, target) do update"
        " set slot = case when excluded.slot > cursors.slot then excluded.slot else cursors.slot end, digest = excluded.digest",
        (*whose, instant(slot), digest, instant(now)),
    )
