"""The heartbeat of ticks, and forgetting what is old."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from runner.model.codec import instant, moment
from runner.store.base import Pruned, TickRecord
from runner.store.database import Database
from runner.store.values import json_text

_DAY = timedelta(days=1)
# Runs that something still refers to, whatever their age.
_KEPT_RUNS = (
    "select run from newest"
    " union select id from runs where status = 'running' or (status = 'done' and report is null)"
    " union select runs.id from runs join deliveries on deliveries.report = runs.report"
    " where deliveries.state = 'pending'"
)


def write_tick(db: Database, tick_id: str, now: datetime, counts: Mapping[str, int]) -> None:
    _set_fact(db, "tick", json_text({"id": tick_id, "at": instant(now), "counts": dict(counts)}))


def read_tick(db: Database) -> TickRecord | None:
    text = _fact(db, "tick")
    if text is None:
        return None
    data = json.loads(text)
    return TickRecord(id=data["id"], at=moment(data["at"]), counts=data["counts"])


def prune_all(db: Database, now: datetime, keep_samples: float, keep_runs: float) -> Pruned | None:
    """Forgets what is older than so many seconds; None when the last time was within a day."""
    last = _fact(db, "pruned")
    # A clock that was ahead must not put pruning off for longer than a day.
    if last is not None and abs(now - moment(last)) < _DAY:
        return None
    samples = _prune_samples(db, instant(now - timedelta(seconds=keep_samples)))
    runs = _prune_runs(db, instant(now - timedelta(seconds=keep_runs)))
    _set_fact(db, "pruned", instant(now))
    return Pruned(samples=samples, runs=runs)


def _prune_samples(db: Database, before: str) -> int:
    """Whole batches; the newest of each job and target stays, however old."""
    old = db.execute(
        "select id from batches where at < ? and id not in (select max(id) from batches group by subject)"  # noqa: S608
        f" and (run is null or run not in ({_KEPT_RUNS}))",
        (before,),
    ).fetchall()
    removed = db.executemany("delete from samples where batch = ?", old).rowcount
    db.executemany("delete from batches where id = ?", old)
    # A series has no sample in a batch after its last: it is over when all that is left is younger.
    db.execute("delete from series where last < (select min(id) from batches where batches.subject = series.subject)")
    return max(removed, 0)


def _prune_runs(db: Database, before: str) -> int:
    removed = db.execute(
        f"delete from runs where coalesce(finished, started, slot) < ? and id not in ({_KEPT_RUNS})",  # noqa: S608
        (before,),
    ).rowcount
    db.execute("delete from transitions where at < ?", (before,))
    db.execute(
        "delete from reports where created < ?"
        " and id not in (select report from deliveries where state = 'pending')"
        " and id not in (select report from runs where report is not null)",
        (before,),
    )
    return removed


def _fact(db: Database, name: str) -> str | None:
    row = db.execute("select value from facts where name = ?", (name,)).fetchone()
    return row[0] if row else None


def _set_fact(db: Database, name: str, value: str) -> None:
    db.execute(
        "insert into facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value",
        (name, value),
    )
