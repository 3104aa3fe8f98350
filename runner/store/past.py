"""Reading samples back: the one before, the one nearest to a moment, and all of a span."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from runner.model.codec import instant, moment
from runner.model.history import Form, HistoryNeed, Number, Past, Sample, Series
from runner.store.values import all_series, json_rows, json_text

_NEAR = 0.25
"""A sample stands for `span` ago when it is at most this share of the span away from it."""


class _Batch(NamedTuple):
    id: int
    at: datetime


class _Known(NamedTuple):
    """The series of one job and target by number, and the batch that holds the last sample of each."""

    series: dict[int, Series]
    last: dict[int, int]


Values: TypeAlias = Mapping[str, Number]
Found: TypeAlias = Iterator[tuple[int, datetime, Values]]
"""Series number, time and values; the oldest first for one series."""


def read_past(
    connection: sqlite3.Connection, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime
) -> Past:
    """The samples that the needs ask for; needs that differ only in their column are read together."""
    spans: dict[tuple[Form, float], list[HistoryNeed]] = defaultdict(list)
    for need in dict.fromkeys(needs):
        spans[need.form, 0.0 if need.form is Form.PREVIOUS else need.span].append(need)
    if not spans:
        return Past()
    reader = _Reader(connection, job, target, now)
    found: dict[int, dict[HistoryNeed, list[Sample]]] = {}
    for (form, span), wanted in spans.items():
        for number, at, values in reader.read(form, span):
            kept = found.setdefault(number, {})
            for need in wanted:
                if need.column in values:
                    kept.setdefault(need, []).append(Sample(at, values[need.column]))
    return Past(
        {
            reader.known.series[number]: {need: tuple(samples) for need, samples in kept.items()}
            for number, kept in found.items()
            if kept
        }
    )


def read_trend(
    connection: sqlite3.Connection, job: str, target: str, column: str, since: datetime
) -> dict[Series, tuple[Sample, ...]]:
    """Every sample of the column from `since` on, the oldest first."""
    reader = _Reader(connection, job, target, since)
    found: dict[int, list[Sample]] = defaultdict(list)
    for batch in reader.batches("at >= ?", instant(since)):
        for number, values in reader.rows(batch.id):
            if column in values:
                found[number].append(Sample(batch.at, values[column]))
    return {reader.known.series[number]: tuple(samples) for number, samples in found.items()}


class _Reader:
    def __init__(self, connection: sqlite3.Connection, job: str, target: str, now: datetime) -> None:
        self._connection = connection
        self._where = (job, target)
        self._now = now
        self.known = self._read_series()

    def read(self, form: Form, span: float) -> Found:
        if form is Form.WINDOW:
            return self._window(span)
        return self._nearest(span) if form is Form.NEAREST else self._previous()

    def batches(self, condition: str, *values: str) -> list[_Batch]:
        """Batches of the job and target that match, the oldest first."""
        rows = self._connection.execute(
            f"select id, at from batches where job = ? and target = ? and {condition} order by at, id",  # noqa: S608
            (*self._where, *values),
        )
        return [_Batch(number, moment(at)) for number, at in rows]

    def rows(self, batch: int, only: Collection[int] | None = None) -> Iterator[tuple[int, Values]]:
        """The samples of a batch, or of some series in it; of two rows with one key the last counts."""
        condition = "" if only is None else " and series in (select value from json_each(?))"
        rows = self._connection.execute(
            f"select series, data from samples where batch = ?{condition} order by series, place",  # noqa: S608
            (batch,) if only is None else (batch, json_text(list(only))),
        ).fetchall()
        values = json_rows(data for _, data in rows)
        return iter({number: value for (number, _), value in zip(rows, values, strict=True)}.items())

    def _read_series(self) -> _Known:
        rows = self._connection.execute(
            "select id, database, key, last from series where job = ? and target = ? order by id", self._where
        ).fetchall()
        names = all_series([(database, key) for _, database, key, _ in rows])
        return _Known(
            {row[0]: series for row, series in zip(rows, names, strict=True)}, {row[0]: row[3] for row in rows}
        )

    def _previous(self) -> Found:
        newest = self.batches("at = (select max(at) from batches where job = ? and target = ?)", *self._where)
        if newest and newest[-1].at >= self._now:
            return self._first_found(reversed(self.batches("at < ?", instant(self._now))))
        return self._last_of_each()

    def _last_of_each(self) -> Found:
        """The last sample of each series: nearly all are in one batch, those that vanished in older ones."""
        members: dict[int, list[int]] = defaultdict(list)
        for number, last in self.known.last.items():
            members[last].append(number)
        for batch in self.batches("id in (select value from json_each(?))", json_text(list(members))):
            wanted = members[batch.id]
            for number, values in self.rows(batch.id, wanted if len(wanted) < len(self.known.last) else None):
                yield number, batch.at, values

    def _nearest(self, span: float) -> Found:
        """From the batch nearest to `span` ago to the one furthest away; of two equally near, the older."""
        goal = self._now - timedelta(seconds=span)
        reach = timedelta(seconds=span * _NEAR)
        earliest, latest = instant(goal - reach), instant(goal + reach)
        candidates = self.batches("at between ? and ? and at < ?", earliest, latest, instant(self._now))
        return self._first_found(sorted(candidates, key=lambda batch: abs(batch.at - goal)))

    def _window(self, span: float) -> Found:
        start = instant(self._now - timedelta(seconds=span))
        for batch in self.batches("at >= ? and at < ?", start, instant(self._now)):
            for number, values in self.rows(batch.id):
                yield number, batch.at, values

    def _first_found(self, batches: Iterable[_Batch]) -> Found:
        """Each series' sample from the first of the batches that has it."""
        missing = set(self.known.series)
        for index, batch in enumerate(batches):
            for number, values in list(self.rows(batch.id, missing if index else None)):
                missing.discard(number)
                yield number, batch.at, values
            if not missing:
                return
