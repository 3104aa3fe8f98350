"""Observations of earlier runs in memory, and what expressions ask of them: for tests and for replays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from runner.api import HistoryNeed, Observation, Past, Sample, Series
from runner.model.history import Form, Number

_NEAR: Final = 0.25
"""A sample stands for `span` ago when it is at most this share of the span away from it, as in the store."""


class Remembered:
    """Rows over time, added in the order of their instants."""

    def __init__(self) -> None:
        self._kept: dict[Series, tuple[list[datetime], list[Mapping[str, Number]]]] = {}

    def add(self, at: datetime, observations: Iterable[Observation]) -> None:
        for seen in observations:
            instants, values = self._kept.setdefault(seen.series, ([], []))
            instants.append(at)
            values.append(seen.values)

    def series(self, since: datetime) -> frozenset[Series]:
        """The rows that were seen from `since` on."""
        return frozenset(series for series, (instants, _) in self._kept.items() if instants[-1] >= since)

    def past(self, now: datetime) -> Past:
        """All that was seen before `now`, looked up when an expression asks."""
        return _View(self, now)

    def samples(self, series: Series, need: HistoryNeed, now: datetime) -> tuple[Sample, ...]:
        """As the store answers: the last, the nearest within a quarter of the span, or all within it."""
        instants, values = self._kept.get(series, ([], []))
        end = bisect_left(instants, now)
        start = now - timedelta(seconds=need.span)
        places = range(bisect_left(instants, start), end)
        if need.form is Form.PREVIOUS:
            places = range(max(0, end - 1), end)
        elif need.form is Form.NEAREST:
            places = _nearest(instants, start, end, need.span)
        return tuple(
            Sample(instants[place], values[place][need.column]) for place in places if need.column in values[place]
        )


def _nearest(instants: list[datetime], goal: datetime, end: int, span: float) -> range:
    """The one place nearest to the goal; of two equally near, the older."""
    after = bisect_left(instants, goal, 0, end)
    near = [place for place in (after - 1, after) if 0 <= place < end]
    if not near:
        return range(0)
    place = min(near, key=lambda index: abs(instants[index] - goal))
    close = abs((instants[place] - goal).total_seconds()) <= span * _NEAR
    return range(place, place + 1) if close else range(0)


class _View(Past):
    """A Past that finds samples when they are asked for."""

    __slots__ = ("_now", "_remembered")
    _remembered: Remembered
    _now: datetime

    def __init__(self, remembered: Remembered, now: datetime) -> None:
        super().__init__()
        object.__setattr__(self, "_remembered", remembered)
        object.__setattr__(self, "_now", now)

    def of(self, series: Series, need: HistoryNeed) -> tuple[Sample, ...]:
        return self._remembered.samples(series, need, self._now)
