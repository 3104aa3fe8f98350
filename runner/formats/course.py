"""The recent course of a column: as bars of text, as a line of text, and as points to draw."""

from __future__ import annotations

from runner.formats.layout import CELL_LIMIT, finite, sparkline
from runner.model.quantity import Dimension, show, show_duration
from runner.model.result import Result, Trend
from runner.records import dataclass
from runner.template import clean

TRENDS = 3
"""Trends shown of one job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A trend with its numbers: `points` are seconds since the first sample and values, oldest first."""

    name: str
    points: tuple[tuple[float, float], ...]
    first: str
    last: str
    low: str
    high: str
    span: str

    def __str__(self) -> str:
        bars = sparkline([value for _, value in self.points])
        return f"{bars} {self.name} {self.first} → {self.last} in {self.span}"


def numbers_of(trend: Trend) -> list[float]:
    """The samples that can be drawn."""
    return [float(sample.value) for sample in trend.samples if finite(sample.value)]


def bars_of(trend: Trend) -> str:
    """The course as bars, empty when there is none yet."""
    numbers = numbers_of(trend)
    return sparkline(numbers) if len(numbers) > 1 else ""


def trend_line(result: Result, trend: Trend) -> str:
    """The course as one line for people."""
    course = _course(result, trend)
    return f"trend: {course or f'{clean(trend.column, limit=CELL_LIMIT)} has no numbers yet'}"


def courses_of(result: Result) -> tuple[Course, ...]:
    """The courses of the result's first trends that have numbers."""
    courses = (_course(result, trend) for trend in result.outcome.trends[:TRENDS])
    return tuple(course for course in courses if course)


def _course(result: Result, trend: Trend) -> Course | None:
    measured = [sample for sample in trend.samples if finite(sample.value)]
    if not measured:
        return None
    columns = {column.name: column.dimension for column in result.outcome.columns}
    dimension = columns.get(trend.column, Dimension.NUMBER)
    start, numbers = measured[0].at, numbers_of(trend)
    name = " ".join(
        part for part in (clean(str(trend.series), limit=CELL_LIMIT), clean(trend.column, limit=CELL_LIMIT)) if part
    )
    return Course(
        name=name,
        points=tuple(
            ((sample.at - start).total_seconds(), value) for sample, value in zip(measured, numbers, strict=True)
        ),
        first=show(numbers[0], dimension),
        last=show(numbers[-1], dimension),
        low=show(min(numbers), dimension),
        high=show(max(numbers), dimension),
        span=show_duration((trend.samples[-1].at - trend.samples[0].at).total_seconds()),
    )
