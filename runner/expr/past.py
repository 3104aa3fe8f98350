"""What expressions ask of earlier runs: differences, rates, windows and trends."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

from runner.expr.arithmetic import NAMES, calculate, combine
from runner.expr.values import NEVER, NUMERIC, Quantity, Unknown, Value, number, recorded, remembered, seconds
from runner.model.history import Number, Sample
from runner.model.quantity import Dimension, show_duration

Samples: TypeAlias = Sequence[Sample]
NO_HISTORY: Final = Unknown("no history yet", learning=True)
ZSCORE_SAMPLES: Final = 8
TREND_SAMPLES: Final = 3
TREND_SPAN: Final = 7 * 86400.0
_MAD_TO_DEVIATION: Final = Fraction("1.4826")


def numeric(value: Value, name: str) -> Quantity | Unknown:
    """The value when it is a number of some unit, else why it is not."""
    if value is None:
        return Unknown(f"{name} is null")
    if isinstance(value, Quantity) and value.dimension not in NUMERIC:
        return Unknown(f"{name} is {NAMES[value.dimension]}, not a number", fault=True)
    return value


def previous(samples: Samples, dimension: Dimension | None, column: str) -> Value:
    """The value of the last run."""
    return remembered(samples[-1].value, dimension, f"previous.{column}") if samples else NO_HISTORY


def difference(now: Quantity, then: Value, column: str, then_name: str) -> Quantity | Unknown:
    """`now - then`."""
    before = numeric(then, then_name)
    return before if isinstance(before, Unknown) else combine("-", now, before, column, then_name)


def rate(now: Quantity, samples: Samples, moment: datetime, column: str, per: float) -> Quantity | Unknown:
    """The growth per so many seconds; a counter that went backwards was reset."""
    step = difference(now, previous(samples, now.dimension, column), column, f"previous.{column}")
    if isinstance(step, Unknown):
        return step
    elapsed = seconds(moment - samples[-1].at)
    if elapsed <= 0:
        return Unknown(f"no time has passed since the last run, so {column} has no rate")
    if step.value < 0:  # type: ignore[operator]
        return Unknown(f"{column} went backwards since the last run (was the counter reset?)")
    value = calculate("/", calculate("*", step.value, Decimal(repr(per))), elapsed)
    return number(value, now.dimension, f"rate({column})")


def growth(now: Quantity, then: Value, column: str, then_name: str) -> Quantity | Unknown:
    """The change relative to what it was, as a share."""
    step = difference(now, then, column, then_name)
    if isinstance(step, Unknown) or not isinstance(then, Quantity):
        return step
    if not then.value:
        return Unknown(f"{then_name} is 0, so {column} has no relative growth")
    share = calculate("/", step.value, abs(then.value))  # type: ignore[arg-type]
    return number(share, Dimension.RATIO, f"growth({column})")


def nearest(samples: Samples, span: float, moment: datetime, dimension: Dimension | None, column: str) -> Value:
    """The value about `span` seconds ago, off by at most a quarter of the span."""
    if not samples:
        return NO_HISTORY
    distance = {abs((moment - sample.at).total_seconds() - span): sample for sample in reversed(samples)}
    closest = min(distance)
    if closest > span / 4:
        return Unknown(f"no value of {column} from about {show_duration(span)} ago", learning=True)
    return remembered(distance[closest].value, dimension, f"{column} {show_duration(span)} ago")


def values(samples: Samples, dimension: Dimension | None, column: str) -> list[Fraction] | Unknown:
    """The numbers of a window, without the nulls; of an hour or a day that was summarised its last one."""
    found = []
    for sample in samples:
        if sample.value is None:
            continue
        value = _fraction(sample.value, dimension, column)
        if isinstance(value, Unknown):
            return value
        found.append(value)
    return found


def _fraction(value: Number, dimension: Dimension | None, column: str) -> Fraction | Unknown:
    found = numeric(remembered(value, dimension, column), column)
    return found if isinstance(found, Unknown) else Fraction(found.value)  # type: ignore[arg-type]


class _Extent(NamedTuple):
    """How many numbers a sample stands for, and between which they lie."""

    number: int
    low: Fraction
    high: Fraction
    mean: Fraction


def _extents(samples: Samples, dimension: Dimension | None, column: str) -> list[_Extent] | Unknown:
    """What each sample of a window stands for, without those that are null throughout."""
    found = []
    for sample in samples:
        extent = _extent(sample, dimension, column)
        if isinstance(extent, Unknown):
            return extent
        if extent is not None:
            found.append(extent)
    return found


def _extent(sample: Sample, dimension: Dimension | None, column: str) -> _Extent | Unknown | None:
    whole = sample.summary
    if whole is None or whole.mean is None:
        if sample.value is None:
            return None
        value = _fraction(sample.value, dimension, column)
        return value if isinstance(value, Unknown) else _Extent(whole.count if whole else 1, value, value, value)
    ends = [_fraction(number, dimension, column) for number in (whole.low, whole.high, whole.mean)]
    wrong = next((end for end in ends if isinstance(end, Unknown)), None)
    return wrong or _Extent(whole.count, *(end for end in ends if isinstance(end, Fraction)))


def _deviation(found: Sequence[Fraction]) -> Fraction:
    return Fraction(repr(float(statistics.stdev(found))))


def _mean(found: Sequence[_Extent]) -> Fraction:
    return sum((one.mean * one.number for one in found), Fraction(0)) / sum(one.number for one in found)


_EXACT: Final[dict[str, Callable[[Sequence[_Extent]], Fraction]]] = {
    "avg_over": _mean,
    "min_over": lambda found: min(one.low for one in found),
    "max_over": lambda found: max(one.high for one in found),
}
"""Right also where hours and days were summarised; the others take the last value of each."""
_OF_LAST: Final[dict[str, tuple[int, Callable[[Sequence[Fraction]], Fraction]]]] = {
    "median_over": (1, statistics.median),
    "stddev_over": (2, _deviation),
}
WINDOWS: Final = frozenset({*_EXACT, *_OF_LAST})


def over(function: str, samples: Samples, dimension: Dimension | None, column: str) -> Quantity | Unknown:
    """One of the `…_over` functions; too few samples means that it is still learning."""
    try:
        found = _over(function, samples, dimension, column)
    except OverflowError:
        return Unknown(f"{function}({column}) is too large a number", fault=True)
    if isinstance(found, Fraction):
        return number(found, dimension if dimension in NUMERIC else Dimension.NUMBER, f"{function}({column})")
    return found


def _over(function: str, samples: Samples, dimension: Dimension | None, column: str) -> Fraction | Quantity | Unknown:
    if function in _OF_LAST:
        return _of_last(function, samples, dimension, column)
    extents = _extents(samples, dimension, column)
    if isinstance(extents, Unknown):
        return extents
    if function == "count_over":
        return Quantity(sum(one.number for one in extents), Dimension.NUMBER)
    return _EXACT[function](extents) if extents else NO_HISTORY


def _of_last(function: str, samples: Samples, dimension: Dimension | None, column: str) -> Fraction | Unknown:
    wanted, compute = _OF_LAST[function]
    found = values(samples, dimension, column)
    if isinstance(found, Unknown):
        return found
    if not found:
        return NO_HISTORY
    return compute(found) if len(found) >= wanted else too_few(column, len(found), wanted)


def too_few(column: str, there: int, wanted: int) -> Unknown:
    """Still learning: history holds fewer values than the function needs."""
    values_there = "1 value" if there == 1 else f"{there} values"
    return Unknown(f"{column} has {values_there} in its history, {wanted} are needed", learning=True)


def zscore(now: Quantity, samples: Samples, column: str) -> Quantity | Unknown:
    """Robust: the distance from the median in units of the usual deviation.

    A flat history takes 1% of its level as the usual deviation, so that one byte is no anomaly.
    """
    found = values(samples, now.dimension, column)
    if isinstance(found, Unknown):
        return found
    if len(found) < ZSCORE_SAMPLES:
        return too_few(column, len(found), ZSCORE_SAMPLES) if found else NO_HISTORY
    middle = statistics.median(found)
    usual = _MAD_TO_DEVIATION * statistics.median(abs(value - middle) for value in found)
    scale = usual or abs(middle) / 100 or Fraction(1)
    return number((Fraction(now.value) - middle) / scale, Dimension.NUMBER, f"zscore({column})")  # type: ignore[arg-type]


def changed(now: Value, samples: Samples, column: str) -> bool | Unknown:
    """Whether the value differs from that of the last run, both as history keeps them."""
    if not samples:
        return NO_HISTORY
    if not isinstance(now, Quantity):
        return now if isinstance(now, Unknown) else Unknown(f"{column} is null")
    then = samples[-1].value
    return Unknown(f"previous.{column} is null") if then is None else recorded(now) != then


def eta(now: Quantity, limit: Quantity, samples: Samples, moment: datetime, column: str) -> Quantity | Unknown:
    """Time until the value reaches the limit on the straight line through its samples; `NEVER` when it moves away."""
    gap = combine("-", limit, now, "the limit", column)
    if isinstance(gap, Unknown):
        return gap
    found = values(samples, now.dimension, column)
    if isinstance(found, Unknown):
        return found
    if len(found) < TREND_SAMPLES:
        return too_few(column, len(found), TREND_SAMPLES) if found else NO_HISTORY
    times = [(sample.at - moment).total_seconds() for sample in samples if sample.value is not None]
    try:
        return _reach(float(gap.value), [float(value - Fraction(now.value)) for value in found], times)  # type: ignore[arg-type]
    except (OverflowError, statistics.StatisticsError):
        return Unknown(f"{column} has no trend that can be computed")


def _reach(gap: float, relative: Sequence[float], times: Sequence[float]) -> Quantity:
    """All values are relative to the present one, which is the last point of the line."""
    if not gap:
        return Quantity(0, Dimension.SECONDS)
    slope = statistics.linear_regression([*times, 0.0], [*relative, 0.0]).slope
    level = max(map(abs, relative), default=0.0)
    if not slope or abs(slope) * (max(times) - min(times)) < level * 1e-12:
        return NEVER
    if slope * gap < 0:
        passed = any((gap - value) * gap < 0 for value in relative)
        return Quantity(0, Dimension.SECONDS) if passed else NEVER
    return Quantity(Decimal(repr(round(gap / slope, 3))), Dimension.SECONDS)
