"""Reading samples back: the one before, the one nearest to a moment, and all of a span."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

from runner.model.codec import instant, moment
from runner.model.history import Form, HistoryNeed, Past, Sample, Series
from runner.store.database import Database
from runner.store.downsample import sample_of
from runner.store.samples import subject_of
from runner.store.values import all_series, json_rows, json_text

_NEAR: Final = 0.25
"""A sample stands for `span` ago when it is at most this share of the span away from it."""

_ABSENT: Final = "[]"
"""Stands for a column that a sample does not have; a recorded value is never an empty list."""


class _Batch(NamedTuple):
    id: int
    at: datetime


_Found: TypeAlias = Iterator[tuple[datetime, Sequence[int], Sequence[Sequence[Any]]]]
"""A time, the series seen then, and for each column their values; an empty list where there is none."""


def read_past(db: Database, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime) -> Past:
    """The samples that the needs ask for; needs that differ only in their column are read together."""
    spans: dict[tuple[Form, float], list[HistoryNeed]] = defaultdict(list)
    for need in dict.fromkeys(needs):
        spans[need.form, 0.0 if need.form is Form.PREVIOUS else need.span].append(need)
    subject = subject_of(db, job, target)
    if not spans or subject is None:
        return Past()
    names = _names(db, subject)
    samples: dict[Series, dict[HistoryNeed, tuple[Sample, ...]]] = {}
    for (form, span), wanted in spans.items():
        reader = _Reader(db, subject, [need.column for need in wanted])
        for need, found in zip(wanted, _by_column(reader.read(form, span, now), len(wanted)), strict=True):
            for number, seen in found.items():
                samples.setdefault(names[number], {})[need] = tuple(seen)
    return Past(samples)


def read_trend(db: Database, job: str, target: str, column: str, since: datetime) -> dict[Series, tuple[Sample, ...]]:
    """Every sample of the column from `since` on, the oldest first."""
    subject = subject_of(db, job, target)
    if subject is None:
        return {}
    names = _names(db, subject)
    reader = _Reader(db, subject, [column])
    (found,) = _by_column(reader.all_of(reader.batches("at >= ?", instant(since))), 1)
    return {names[number]: tuple(seen) for number, seen in found.items()}


def read_series(db: Database, job: str, target: str, since: datetime) -> frozenset[Series]:
    """The series that have a sample from `since` on."""
    rows = db.execute(
        """select s.database, s.key from series s join subjects j on j.id = s.subject
        where j.job = ? and j.target = ? and coalesce(
            (select b.at from batches b where b.id = s.last),
            (select max(b.at) from batches b where b.subject = s.subject)
        ) >= ?""",
        (job, target, instant(since)),
    ).fetchall()
    return frozenset(all_series(rows))


def _names(db: Database, subject: int) -> dict[int, Series]:
    rows = db.execute("select id, database, key from series where subject = ?", (subject,)).fetchall()
    named = all_series([(database, key) for _, database, key in rows])
    return {row[0]: series for row, series in zip(rows, named, strict=True)}


def _by_column(found: _Found, count: int) -> list[dict[int, list[Sample]]]:
    """For each column its samples by series number."""
    columns: list[dict[int, list[Sample]]] = [{} for _ in range(count)]
    for at, numbers, values in found:
        for gathered, column in zip(columns, values, strict=True):
            for number, value in zip(numbers, column, strict=True):
                if value.__class__ is list and not value:
                    continue
                sample = Sample(at, value) if value.__class__ is not list else sample_of(value, at)
                if number in gathered:
                    gathered[number].append(sample)
                else:
                    gathered[number] = [sample]
    return columns


class _Reader:
    """Reads some columns of one subject's batches."""

    def __init__(self, db: Database, subject: int, columns: Sequence[str]) -> None:
        self._db = db
        self._subject = subject
        self._columns = columns
        self._paths = [db.dialect.path(column) for column in columns] if _can_take_apart(db, columns) else []

    def read(self, form: Form, span: float, now: datetime) -> _Found:
        if form is Form.WINDOW:
            start = instant(now - timedelta(seconds=span))
            return self.all_of(self.batches("at >= ? and at < ?", start, instant(now)))
        return self._nearest(span, now) if form is Form.NEAREST else self._previous(now)

    def batches(self, condition: str, *values: object) -> list[_Batch]:
        """Batches of the subject that match, the oldest first."""
        rows = self._db.execute(
            f"select id, at from batches where subject = ? and {condition} order by at, id",  # noqa: S608
            (self._subject, *values),
        )
        return [_Batch(number, moment(at)) for number, at in rows]

    def all_of(self, batches: Iterable[_Batch]) -> _Found:
        for batch in batches:
            yield batch.at, *self._values(batch.id)

    def _previous(self, now: datetime) -> _Found:
        newest = self.batches("id = (select max(id) from batches where subject = ?)", self._subject)
        if any(batch.at >= now for batch in newest):
            yield from self._first_found(reversed(self.batches("at < ?", instant(now))))
            return
        yield from self.all_of(newest)
        # What is not in the newest batch was last seen in the batch that its series names.
        gone = self._db.execute(
            "select last, id from series where subject = ? and last is not null order by last", (self._subject,)
        )
        members: dict[int, list[int]] = defaultdict(list)
        for last, number in gone:
            members[last].append(number)
        for batch in self.batches(f"at < ? and id in {self._db.dialect.members}", instant(now), _ids(members)):
            yield batch.at, *self._values(batch.id, members[batch.id])

    def _nearest(self, span: float, now: datetime) -> _Found:
        """From the batch nearest to `span` ago to the one furthest away; of two equally near, the older."""
        goal = now - timedelta(seconds=span)
        reach = timedelta(seconds=span * _NEAR)
        bounds = instant(goal - reach), instant(goal + reach), instant(now)
        candidates = self.batches("at between ? and ? and at < ?", *bounds)
        return self._first_found(sorted(candidates, key=lambda batch: abs(batch.at - goal)))

    def _first_found(self, batches: Iterable[_Batch]) -> _Found:
        """Each series' sample from the first of the batches that has it."""
        missing: set[int] | None = None
        for batch in batches:
            numbers, values = self._values(batch.id, missing)
            yield batch.at, numbers, values
            missing = (self._all_numbers() if missing is None else missing).difference(numbers)
            if not missing:
                return

    def _all_numbers(self) -> set[int]:
        rows = self._db.execute("select id from series where subject = ?", (self._subject,))
        return {row[0] for row in rows}

    def _values(self, batch: int, only: Collection[int] | None = None) -> tuple[list[int], list[list[Any]]]:
        """Series and values of a batch, or of some series in it; of rows with the same key the last counts."""
        part, members = self._db.dialect.part, self._db.dialect.members
        selected = "".join(f", coalesce({part}, '{_ABSENT}')" for _ in self._paths) or ", data"
        condition = "" if only is None else f" and series in {members}"
        rows = self._db.execute(
            f"select series{selected} from samples where batch = ?{condition} order by series, place",  # noqa: S608
            (*self._paths, batch, *(() if only is None else (_ids(only),))),
        ).fetchall()
        last = {row[0]: row for row in rows}
        if len(last) < len(rows):
            rows = list(last.values())
        parsed = [json_rows(row[place] for row in rows) for place in range(1, 1 + max(1, len(self._paths)))]
        if not self._paths:
            parsed = [[data.get(column, []) for data in parsed[0]] for column in self._columns]
        return [row[0] for row in rows], parsed


def _can_take_apart(db: Database, columns: Sequence[str]) -> bool:
    return bool(db.dialect.part) and all(map(_is_plain, columns))


def _is_plain(column: str) -> bool:
    """Whether a JSON path can name the column: quotes and what JSON escapes cannot stand in one."""
    return column.isprintable() and not {'"', "\\"} & set(column)


def _ids(numbers: Iterable[int]) -> str:
    return json_text(list(numbers))
