"""Observations of earlier runs in memory, and what expressions ask of them: for tests and for replays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from runner.api import HistoryNeed, Observation, Past, Sample, Series
from runner.model.history import Form
from runner.store.base import Sweep

_NEAR: Final = 0.25
"""A sample stands for `span` ago when it is at most this share of the span away from it, as in the store."""


class Remembered:
    """Rows over time, added in the order of their instants."""

    def __init__(self) -> None:
        self._last: dict[Series, datetime] = {}
        # Samples are made once: a window of a day is asked for in every run of that day.
        self._kept: dict[tuple[Series, str], tuple[list[datetime], list[Sample]]] = {}

    def add(self, at: datetime, observations: Iterable[Observation]) -> None:
        for seen in observations:
            self._last[seen.series] = at
            for column, value in seen.values.items():
                self._keep(seen.series, column, Sample(at, value))

    def add_sweep(self, sweep: Sweep) -> None:
        """A recorded run, or the hour or day that several were merged to."""
        if not sweep.span:
            self.add(sweep.at, sweep.observations)
        for series, samples in sweep.summaries.items():
            self._last[series] = sweep.at
            for column, sample in samples.items():
                self._keep(series, column, sample)

    def _keep(self, series: Series, column: str, sample: Sample) -> None:
        instants, samples = self._kept.setdefault((series, column), ([], []))
        instants.append(sample.at)
        samples.append(sample)

    def series(self, since: datetime) -> frozenset[Series]:
        """The rows that were seen from `since` on."""
        return frozenset(series for series, last in self._last.items() if last >= since)

    def past(self, now: datetime) -> Past:
        """All that was seen before `now`, looked up when an expression asks."""
        return _View(self, now)

    def samples(self, series: Series, need: HistoryNeed, now: datetime) -> tuple[Sample, ...]:
        """As the store answers: the last, the nearest within a quarter of the span, or all within it."""
        instants, samples = self._kept.get((series, need.column), ([], []))
        end = bisect_left(instants, now)
        start = now - timedelta(seconds=need.span)
        if need.form is Form.PREVIOUS:
            return tuple(samples[max(0, end - 1) : end])
        if need.form is Form.WINDOW:
            return tuple(samples[bisect_left(instants, start) : end])
        place = _nearest(instants, start, end, need.span)
        return () if place is None else (samples[place],)


def _nearest(instants: list[datetime], goal: datetime, end: int, span: float) -> int | None:
    """The one place nearest to the goal; of two equally near, the older."""
    after = bisect_left(instants, goal, 0, end)
    near = [place for place in (after - 1, after) if 0 <= place < end]
    place = min(near, key=lambda index: abs(instants[index] - goal), default=None)
    if place is None or abs((instants[place] - goal).total_seconds()) > span * _NEAR:
        return None
    return place


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
