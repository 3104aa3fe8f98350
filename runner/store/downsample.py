"""Several samples as one: per column the last value, and of numbers their count, lowest, highest and mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

from runner.model.codec import encode
from runner.model.history import Number, Sample, Summary

HOUR: Final = 3600
DAY: Final = 86400
_PREFIX: Final = {HOUR: len("2027-01-01T01"), DAY: len("2027-01-01")}

Cell: TypeAlias = Any
"""A value as it is recorded, or a list: last value, seconds from then to the batch, count[, lowest, highest, mean]."""


class Placed(NamedTuple):
    """A row of one series in one batch; `at` is the time of the batch in seconds."""

    at: float
    cells: Mapping[str, Cell]


class _Merged(NamedTuple):
    last: Number
    at: float
    number: int
    low: float | None
    high: float | None
    total: float | None
    """The sum of the numbers; None as soon as one value is none."""


def floor(moment: datetime, size: int) -> datetime:
    """The beginning of the hour or day (UTC)."""
    start = moment.replace(minute=0, second=0, microsecond=0)
    return start if size == HOUR else start.replace(hour=0)


def bucket(at: str, size: int) -> str:
    """The hour or day of an instant's text: its beginning, by which two instants of one bucket are known."""
    return at[: _PREFIX[size]]


def merge(rows: Iterable[Placed], at: float) -> dict[str, Cell]:
    """The cells that stand for all rows of one series, the oldest first, in a batch whose time is `at`."""
    merged: dict[str, _Merged] = {}
    for row in rows:
        for column, cell in row.cells.items():
            new = _read(cell, row.at)
            known = merged.get(column)
            merged[column] = new if known is None else _joined(known, new)
    return {column: _written(item, at) for column, item in merged.items()}


def sample_of(cell: Cell, at: datetime) -> Sample:
    """A cell of a batch of that time as a sample."""
    if not isinstance(cell, list):
        return Sample(at, cell)
    last, back, count, *extent = cell
    seen = at - timedelta(seconds=back)
    return Sample(seen, last, Summary(count, *extent) if count else None)


def is_summary(cells: Mapping[str, Cell]) -> bool:
    """Whether the row stands for several; a batch that was alone in its hour and day stays one run's."""
    return any(isinstance(cell, list) for cell in cells.values())


def _read(cell: Cell, at: float) -> _Merged:
    if isinstance(cell, list):
        last, back, count, *extent = cell
        low, high, mean = extent or (None, None, None)
        return _Merged(last, at - back, count, low, high, None if mean is None else mean * count)
    if cell is None:
        return _Merged(None, at, 0, None, None, None)
    size = _size(cell)
    return _Merged(cell, at, 1, None, None, None) if size is None else _Merged(cell, at, 1, cell, cell, size)


def _size(cell: Cell) -> float | None:
    """The number as one that can be summed up."""
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return None
    try:
        return float(cell)
    except OverflowError:
        return None


def _joined(old: _Merged, new: _Merged) -> _Merged:
    if not old.number or not new.number:
        other = new if new.number else old
        return other._replace(last=new.last, at=new.at)
    low, high, total = _pick(min, old.low, new.low), _pick(max, old.high, new.high), None
    if old.total is not None and new.total is not None:
        total = old.total + new.total
    return _Merged(new.last, new.at, old.number + new.number, low, high, total)


def _pick(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else choose(one, other)


def _written(item: _Merged, at: float) -> Cell:
    cell = [item.last, round(at - item.at, 6), item.number]
    mean = None if item.total is None else encode(item.total / item.number)
    return cell if mean is None else [*cell, item.low, item.high, mean]
