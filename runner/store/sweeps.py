"""Reading recorded runs back in order: what each looked at, and the rows that it saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from runner.model.codec import instant, moment
from runner.model.history import Number, Sample, Series
from runner.model.result import Observation
from runner.model.state import State
from runner.store.base import Sweep
from runner.store.database import Database
from runner.store.downsample import DAY, HOUR, bucket, is_summary, sample_of
from runner.store.samples import subject_of
from runner.store.values import all_series, json_rows


class Place(NamedTuple):
    """Where a run's rows and its result stand; a run without rows has no batch, a pruned run only its batch.

    A batch with a span and without a run may stand for several runs.
    """

    at: datetime
    batch: int | None
    run: int | None
    state: str | None
    span: int


def read_places(db: Database, job: str, target: str, since: datetime) -> list[Place]:
    """The runs that ended from `since` on, the oldest first; of an hour or a day that was merged, that alone."""
    begin = instant(since)
    rows = db.execute(
        "select b.at, b.id, b.run, r.state, b.span from batches b left join runs r on r.id = b.run"
        " where b.subject = ?1 and b.at >= ?2"
        " union all"
        " select r.started, null, r.id, r.state, 0 from runs r where r.job = ?3 and r.target = ?4"
        " and r.status = 'done' and r.started >= ?2 and not exists (select 1 from batches b where b.run = r.id)"
        " order by 1, 2",
        (subject_of(db, job, target), begin, job, target),
    ).fetchall()
    merged = {bucket(at, span) for at, _, run, _, span in rows if span and run is None}
    return [
        Place(moment(at), batch, run, state, span)
        for at, batch, run, state, span in rows
        if batch is not None or merged.isdisjoint((bucket(at, HOUR), bucket(at, DAY)))
    ]


def read_sweep(db: Database, place: Place) -> Sweep:
    rows = _rows(db, place.batch) if place.batch is not None else []
    looked = _looked(db, place.run)
    if looked is None:
        looked = frozenset(series.database for series, _ in rows)
        looked = looked or frozenset({""} if place.run is not None else ())
    merged = place.span if place.run is None and any(is_summary(cells) for _, cells in rows) else 0
    samples = {
        series: {name: sample_of(cell, place.at) for name, cell in cells.items()} for series, cells in rows if merged
    }
    return Sweep(
        at=place.at,
        looked=looked,
        state=State(place.state) if place.state else None,
        observations=tuple(
            Observation(series=series, values=_last(samples[series]) if merged else cells) for series, cells in rows
        ),
        span=merged,
        summaries=samples,
    )


def _rows(db: Database, batch: int) -> list[tuple[Series, Mapping[str, Any]]]:
    rows = db.execute(
        "select s.database, s.key, m.data from samples m join series s on s.id = m.series"
        " where m.batch = ? order by m.place",
        (batch,),
    ).fetchall()
    places = all_series([(database, key) for database, key, _ in rows])
    return list(zip(places, json_rows(data for _, _, data in rows), strict=True))


def _last(samples: Mapping[str, Sample]) -> dict[str, Number]:
    return {name: sample.value for name, sample in samples.items()}


def _looked(db: Database, run: int | None) -> frozenset[str] | None:
    """The databases that the run looked at; None when its result is gone."""
    row = db.execute("select data from results where run = ?", (run,)).fetchone()
    if row is None:
        return None
    return frozenset(looked_in(row[0]))


def looked_without_result(db: Database, run: int) -> list[str]:
    """What is taken for the databases of a run whose result is gone: those of its rows, or the target's own."""
    rows = db.execute(
        "select distinct s.database from batches b join samples m on m.batch = b.id join series s on s.id = m.series"
        " where b.run = ?",
        (run,),
    ).fetchall()
    return sorted(database for (database,) in rows) or [""]


def looked_in(data: str) -> list[str]:
    """The databases that a recorded result looked at, the first by name first."""
    return sorted(map(str, json.loads(data).get("outcome", {}).get("looked", ())))
