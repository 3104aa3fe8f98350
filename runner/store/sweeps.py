"""Reading recorded runs back in order: what each looked at, and the rows that it saw."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from runner.model.codec import instant, moment
from runner.model.result import Observation
from runner.model.state import State
from runner.store.base import Sweep
from runner.store.database import Database
from runner.store.samples import subject_of
from runner.store.values import all_series, json_rows


class Place(NamedTuple):
    """Where a run's rows and its result stand; a run without rows has no batch, a pruned run only its batch."""

    at: datetime
    batch: int | None
    run: int | None
    state: str | None


def read_places(db: Database, job: str, target: str, since: datetime) -> list[Place]:
    """The runs that ended from `since` on, the oldest first."""
    begin = instant(since)
    rows = db.execute(
        "select b.at, b.id, b.run, r.state from batches b left join runs r on r.id = b.run"
        " where b.subject = ?1 and b.at >= ?2"
        " union all"
        " select r.started, null, r.id, r.state from runs r where r.job = ?3 and r.target = ?4 and r.status = 'done'"
        " and r.started >= ?2 and not exists (select 1 from batches b where b.run = r.id)"
        " order by 1, 2",
        (subject_of(db, job, target), begin, job, target),
    )
    return [Place(moment(at), batch, run, state) for at, batch, run, state in rows]


def read_sweep(db: Database, place: Place) -> Sweep:
    observations = _observations(db, place.batch) if place.batch is not None else ()
    looked = _looked(db, place.run)
    if looked is None:
        looked = frozenset(seen.series.database for seen in observations)
    return Sweep(
        at=place.at, looked=looked, state=State(place.state) if place.state else None, observations=observations
    )


def _observations(db: Database, batch: int) -> tuple[Observation, ...]:
    rows = db.execute(
        "select s.database, s.key, m.data from samples m join series s on s.id = m.series"
        " where m.batch = ? order by m.place",
        (batch,),
    ).fetchall()
    places = all_series([(database, key) for database, key, _ in rows])
    values = json_rows(data for _, _, data in rows)
    return tuple(Observation(series=series, values=value) for series, value in zip(places, values, strict=True))


def _looked(db: Database, run: int | None) -> frozenset[str] | None:
    """The databases that the run looked at; None when its result is gone."""
    row = db.execute("select data from results where run = ?", (run,)).fetchone()
    if row is None:
        return None
    return frozenset(map(str, json.loads(row[0]).get("outcome", {}).get("looked", ())))
