"""Forgetting in pieces: old samples become hours, hours days, and what is older still goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from runner.model.codec import instant, moment
from runner.records import dataclass
from runner.store.base import Pruned
from runner.store.database import Database
from runner.store.downsample import DAY, HOUR, Placed, floor, merge
from runner.store.sweeps import looked_in, looked_without_result
from runner.store.upkeep import fact, set_fact
from runner.store.values import json_rows, json_text

PIECE: Final = 20_000
"""Rows that one transaction reads or removes, or those of two batches where these are larger."""
MOST: Final = 400_000
"""Rows after which a tick leaves the rest to the next one."""
_LOOK: Final = 500
_RUNS: Final = 1_000
_TOLD: Final = timedelta(days=7)
"""Texts that only people may still want to look up: results and delivered reports of older runs go."""
_TOGETHER: Final = timedelta(days=90)
"""Runs that were ok and are older than this stand together, those of a day as one."""
_SLIMMED: Final = "slimmed"
"""The fact that names the slot up to which results are slim: none is looked at twice."""
_WEIGHT: Final = 20
"""How many rows a run or a report counts for: its result or its deliveries go with it."""

# Runs that something still refers to, whatever their age: the newest, those not reported, those on their way.
_NEEDED: Final = (
    "(exists (select 1 from newest n where n.run = {run}) or exists (select 1 from runs k where k.id = {run}"
    " and (k.status = 'running' or (k.status = 'done' and k.report is null) or exists"
    " (select 1 from deliveries d where d.report = k.report and d.state = 'pending'))))"
)
_OF_NEEDED: Final = _NEEDED.format(run="b.run")
# Reports that every sink has: nothing asks for them again.
_TOLD_TO_ALL: Final = "not exists (select 1 from deliveries d where d.report = p.id and d.state <> 'done')"
_OF_NOBODY: Final = (
    "not exists (select 1 from runs r where r.report = p.id)"
    " and not exists (select 1 from deliveries d where d.report = p.id and d.state = 'pending')"
)
_OF_UNTOLD: Final = (
    "exists (select 1 from runs k where k.id = {run} and (k.report is null"
    " or exists (select 1 from deliveries d where d.report = k.report and d.state = 'pending')))"
)
# The newest batch of a job and target, or that of a needed run. The plus keeps SQLite from walking all later batches.
_KEPT: Final = (
    "(not exists (select 1 from batches o where o.subject = b.subject and +o.id > b.id)"  # noqa: S608
    f" or (b.run is not null and {_OF_NEEDED}))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """For how many seconds samples stay as they are, as hours, as days; and for how many runs and reports stay."""

    samples: float
    hourly: float
    daily: float
    runs: float


class _Place(NamedTuple):
    """How far a kind of work has come: a time, and a number to tell equal times apart."""

    at: str = ""
    number: int = 0


class _Piece(NamedTuple):
    """What one transaction did; without a place nothing of its kind is left."""

    place: _Place | None
    samples: int = 0
    rows: int = 0
    runs: int = 0


_START: Final = _Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one tick's pruning has come."""

    phase: int = 0
    place: _Place = _START
    rows: int = 0
    samples: int = 0
    runs: int = 0


class Pruning:
    """What is to be done at `now`. Nothing in it changes, so that a transaction can be tried again."""

    def __init__(self, now: datetime, keep: Keep) -> None:
        gone, runs = (instant(now - timedelta(seconds=age)) for age in (keep.daily, keep.runs))
        days = instant(floor(now - timedelta(seconds=keep.hourly), DAY))
        hours = instant(floor(now - timedelta(seconds=keep.samples), HOUR))
        together = instant(floor(now - _TOGETHER, DAY))
        told = instant(now - min(_TOLD, timedelta(seconds=keep.runs)))
        self._phases: tuple[Callable[[Database, _Place], _Piece], ...] = (
            lambda db, place: _remove_batches(db, place, 0, gone),
            lambda db, place: _remove_batches(db, place, HOUR, gone),
            lambda db, place: _remove_batches(db, place, DAY, gone),
            lambda db, place: _merge_batches(db, place, HOUR, days, DAY),
            lambda db, place: _merge_batches(db, place, 0, days, DAY),
            lambda db, place: _merge_batches(db, place, 0, hours, HOUR),
            _remove_series,
            lambda db, place: _slim_results(db, place, told),
            lambda db, place: _merge_runs(db, place, together),
            lambda db, place: _remove_reports(db, place, told, _TOLD_TO_ALL),
            lambda db, place: _remove_runs(db, place, runs),
            lambda db, place: _remove_transitions(db, place, runs),
            lambda db, place: _remove_reports(db, place, runs, _OF_NOBODY),
        )

    def step(self, db: Database, progress: Progress) -> Progress:
        """One transaction's worth; what it did stays done when nothing follows."""
        piece = self._phases[progress.phase](db, progress.place)
        return replace(
            progress,
            phase=progress.phase + (piece.place is None),
            place=piece.place or _START,
            rows=progress.rows + max(1, piece.samples, piece.rows),
            samples=progress.samples + piece.samples,
            runs=progress.runs + piece.runs,
        )

    def goes_on(self, progress: Progress, most: int = MOST) -> bool:
        """Whether this tick does another piece."""
        return not self.is_finished(progress) and progress.rows < most

    def is_finished(self, progress: Progress) -> bool:
        return progress.phase == len(self._phases)

    def pruned(self, progress: Progress) -> Pruned:
        return Pruned(samples=progress.samples, runs=progress.runs, finished=self.is_finished(progress))


# ---- samples


class _Found(NamedTuple):
    id: int
    at: str
    subject: int

    @property
    def place(self) -> _Place:
        return _Place(self.at, self.id)


def _candidates(db: Database, place: _Place, span: int, before: str) -> tuple[list[_Found], _Place | None]:
    """The oldest batches of that span after the place, without those that are kept; and where to look on."""
    rows = db.execute(
        "select b.id, b.at, b.subject from batches b where b.span = ? and b.at < ? and (b.at, b.id) > (?, ?)"  # noqa: S608
        f" and not {_KEPT} order by b.at, b.id limit {_LOOK}",
        (span, before, *place),
    ).fetchall()
    found = [_Found(*row) for row in rows]
    return found, found[-1].place if len(found) == _LOOK else None


def _remove_batches(db: Database, place: _Place, span: int, before: str) -> _Piece:
    found, rest = _candidates(db, place, span, before)
    removed = 0
    for batch in found:
        removed += db.execute("delete from samples where batch = ?", (batch.id,)).rowcount
        db.execute("delete from batches where id = ?", (batch.id,))
        if removed >= PIECE:
            return _Piece(batch.place, removed)
    return _Piece(rest, removed)


def _merge_batches(db: Database, place: _Place, span: int, before: str, size: int) -> _Piece:
    """Batches of the smaller span become one of `size` seconds per job and target, hour or day by hour or day."""
    found, rest = _candidates(db, place, span, before)
    done: set[tuple[int, datetime]] = set()
    merged = 0
    for batch in found:
        bucket = (batch.subject, floor(moment(batch.at), size))
        if bucket in done:
            continue
        rows, is_whole = _merge_bucket(db, *bucket, size)
        merged += rows
        if not is_whole:
            return _Piece(place, merged)
        done.add(bucket)
        place = batch.place
        if merged >= PIECE:
            return _Piece(place, merged)
    return _Piece(rest, merged, rows=len(found))


class _Batch(NamedTuple):
    id: int
    at: str
    span: int
    size: int
    """Its number of samples."""


def _merge_bucket(db: Database, subject: int, start: datetime, size: int) -> tuple[int, bool]:
    """How many samples were read, and whether the hour or day is done; the oldest batches of a large one come first."""
    rows = db.execute(
        "select b.id, b.at, b.span, (select count(*) from samples m where m.batch = b.id) from batches b"  # noqa: S608
        f" where b.subject = ? and b.at >= ? and b.at < ? and b.span <= ? and not {_KEPT} order by b.id",
        (subject, instant(start), instant(start + timedelta(seconds=size)), size),
    ).fetchall()
    batches = [_Batch(*row) for row in rows]
    chosen = list(_within_piece(batches))
    if len(chosen) > 1:
        _merge(db, subject, chosen)
    if chosen:
        db.execute("update batches set span = ? where id = ?", (size, chosen[-1].id))
    return sum(batch.size for batch in chosen), len(chosen) == len(batches)


def _within_piece(batches: Sequence[_Batch]) -> Iterator[_Batch]:
    """As many as fit into one transaction, but two at least."""
    total = 0
    for index, batch in enumerate(batches):
        total += batch.size
        if index >= 2 and total > PIECE:
            return
        yield batch


def _merge(db: Database, subject: int, batches: Sequence[_Batch]) -> None:
    """Into the last of them, which keeps its number: that says in which order batches came."""
    ids, newest = json_text([batch.id for batch in batches]), batches[-1]
    members = db.dialect.members
    rows = db.execute(
        f"select series, batch, place, data from samples where batch in {members} order by series, batch, place",  # noqa: S608
        (ids,),
    ).fetchall()
    db.execute(f"delete from samples where batch in {members}", (ids,))  # noqa: S608
    seconds = {batch.id: moment(batch.at).timestamp() for batch in batches}
    merged = [
        _merged(number, list(of_series), seconds, newest.id) for number, of_series in groupby(rows, itemgetter(0))
    ]
    db.append("samples", ("batch", newest.id), ("series", "place", "data"), merged)
    older = json_text([batch.id for batch in batches[:-1]])
    db.execute("update batches set run = null where id = ?", (newest.id,))
    _move_last(db, subject, newest.id, {row[0] for row in merged})
    db.execute(f"delete from batches where id in {members}", (older,))  # noqa: S608


def _merged(series: int, rows: Sequence[Sequence[Any]], seconds: dict[int, float], newest: int) -> tuple[int, int, str]:
    # Of rows with the same key in one batch the last counts, as everywhere.
    of_batch = {batch: (place, data) for _, batch, place, data in rows}
    values = json_rows(data for _, data in of_batch.values())
    placed = [Placed(seconds[batch], cells) for batch, cells in zip(of_batch, values, strict=True)]
    return series, rows[-1][2], json_text(merge(placed, seconds[newest]))


def _move_last(db: Database, subject: int, newest: int, held: set[int]) -> None:
    """A series that is gone has its last sample in the merged batch now."""
    gone = db.execute("select id from series where subject = ? and last < ?", (subject, newest)).fetchall()
    moved = [row[0] for row in gone if row[0] in held]
    db.execute(f"update series set last = ? where id in {db.dialect.members}", (newest, json_text(moved)))  # noqa: S608


def _remove_series(db: Database, place: _Place) -> _Piece:
    """A series has no sample in a batch after its last: it is over when all that is left is younger."""
    subjects = db.execute(
        "select subject, min(id) from batches where subject > ? group by subject order by subject", (place.number,)
    ).fetchall()
    removed = 0
    for subject, oldest in subjects:
        condition = "select id from series where subject = ? and last < ?"
        removed += db.execute(
            f"delete from series where id in ({condition} limit {PIECE})",  # noqa: S608
            (subject, oldest),
        ).rowcount
        if removed >= PIECE:
            return _Piece(_Place(number=subject - 1), rows=removed)
    return _Piece(None, rows=removed)


# ---- runs and reports


def _slim_results(db: Database, place: _Place, before: str) -> _Piece:
    """Of an old result stays where it looked, where its rows do not tell; reports have told the rest."""
    begin = place if place.at else _Place(fact(db, _SLIMMED) or "")
    rows = db.execute(
        f"select r.id, r.slot, d.data, {_NEEDED.format(run='r.id')} from runs r left join results d on d.run = r.id"  # noqa: S608
        f" where (r.slot, r.id) > (?, ?) and r.slot < ? order by r.slot, r.id limit {_RUNS}",
        (*begin, before),
    ).fetchall()
    gone = [(run, looked_in(data)) for run, _, data, needed in rows if data and not needed]
    plain = [run for run, looked in gone if looked == looked_without_result(db, run)]
    without = set(plain)
    db.execute(f"delete from results where run in {db.dialect.members}", (json_text(plain),))  # noqa: S608
    kept = [(json_text({"outcome": {"looked": looked}}), run) for run, looked in gone if run not in without]
    db.executemany("update results set data = ? where run = ?", kept)
    if len(rows) < _RUNS:
        set_fact(db, _SLIMMED, before)
        return _Piece(None, rows=len(rows))
    return _Piece(_Place(rows[-1][1], rows[-1][0]), rows=len(rows))


def _merge_runs(db: Database, place: _Place, before: str) -> _Piece:
    """Of the runs of a job on a target that were ok on one day (UTC) the last stands for all."""
    merged = 0
    while (first := _oldest_slot(db, place, before)) and merged < PIECE:
        day = first[:10]
        rows = db.execute(
            "select max(r.id), min(coalesce(r.since, r.slot)), sum(r.slots), count(*), r.job, r.target from runs r"  # noqa: S608
            " where r.slot >= ? and r.slot < ? and r.status = 'done' and r.state = 'ok'"
            f" and not {_OF_UNTOLD.format(run='r.id')} group by r.job, r.target having count(*) > 1",
            (day, f"{day}U"),
        ).fetchall()
        for last, since, slots, count, job, target in rows:
            db.execute(
                "delete from runs where slot >= ? and slot < ? and job = ? and target = ? and id < ?"  # noqa: S608
                f" and status = 'done' and state = 'ok' and not {_NEEDED.format(run='runs.id')}",
                (day, f"{day}U", job, target, last),
            )
            db.execute("update runs set since = ?, slots = ? where id = ?", (since, int(slots), last))
            merged += count
        place = _Place(f"{day}U")
    return _Piece(place if first else None, rows=merged)


def _oldest_slot(db: Database, place: _Place, before: str) -> str | None:
    row = db.execute("select min(slot) from runs where slot > ? and slot < ?", (place.at, before)).fetchone()
    return row[0] if row else None


def _remove_runs(db: Database, place: _Place, before: str) -> _Piece:
    old = db.execute(
        "select r.id from runs r where r.slot < ? and coalesce(r.finished, r.started, r.slot) < ?"  # noqa: S608
        f" and not {_NEEDED.format(run='r.id')} order by r.slot limit {_RUNS}",
        (before, before),
    ).fetchall()
    db.executemany("delete from runs where id = ?", old)
    return _Piece(_rest(place, old), runs=len(old), rows=len(old) * _WEIGHT)


def _remove_transitions(db: Database, place: _Place, before: str) -> _Piece:
    old = db.execute(f"select id from transitions where at < ? order by id limit {PIECE}", (before,)).fetchall()  # noqa: S608
    db.executemany("delete from transitions where id = ?", old)
    return _Piece(place if len(old) == PIECE else None, rows=len(old))


def _remove_reports(db: Database, place: _Place, before: str, which: str) -> _Piece:
    old = db.execute(
        f"select p.id from reports p where p.created < ? and {which} order by p.created limit {_RUNS}",  # noqa: S608
        (before,),
    ).fetchall()
    db.executemany("delete from reports where id = ?", old)
    return _Piece(_rest(place, old), rows=len(old) * _WEIGHT)


def _rest(place: _Place, old: Sequence[object]) -> _Place | None:
    return place if len(old) == _RUNS else None
