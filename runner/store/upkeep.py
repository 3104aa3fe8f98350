"""The heartbeat of ticks, and forgetting what is old."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from runner.model.codec import instant, moment
from runner.store.base import TickRecord
from runner.store.database import Database
from runner.store.values import json_text

_DAY = timedelta(days=1)


def write_tick(db: Database, tick_id: str, now: datetime, counts: Mapping[str, int]) -> None:
    set_fact(db, "tick", json_text({"id": tick_id, "at": instant(now), "counts": dict(counts)}))


def read_tick(db: Database) -> TickRecord | None:
    text = fact(db, "tick")
    if text is None:
        return None
    data = json.loads(text)
    return TickRecord(id=data["id"], at=moment(data["at"]), counts=data["counts"])


def prune_is_due(db: Database, now: datetime) -> bool:
    """Whether pruning was not finished within the last day."""
    last = fact(db, "pruned")
    # A clock that was ahead must not put pruning off for longer than a day.
    return last is None or abs(now - moment(last)) >= _DAY


def prune_is_done(db: Database, now: datetime) -> None:
    """Pruning is finished for a day."""
    set_fact(db, "pruned", instant(now))


def fact(db: Database, name: str) -> str | None:
    row = db.execute("select value from facts where name = ?", (name,)).fetchone()
    return row[0] if row else None


def set_fact(db: Database, name: str, value: str) -> None:
    db.execute(
        "insert into facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value",
        (name, value),
    )
