"""The format `nagios`: `STATE - text | performance data`, then the other problems as long text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from runner.api import Dimension, FormatContext, Options, Report, ScheduleError
from runner.formats.layout import finite
from runner.formats.view import View
from runner.model.quantity import SIZE_UNITS, parse_duration
from runner.model.result import Column, Observation, Result
from runner.template import clean

# Nagios keeps 8 KB of output (MAX_PLUGIN_OUTPUT_LENGTH in nagios.h); half of it is for performance data.
_TEXT_LIMIT = 4000
_DATA_LIMIT = 4000
_UNITS = {Dimension.BYTES: "B", Dimension.SECONDS: "s", Dimension.RATIO: "%"}
_SIMPLE = re.compile(r"\s*(\w+)\s*(>=|>|<=|<)\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([A-Za-z%]*)\s*")


def render(report: Report, _options: Options, _context: FormatContext) -> str:
    """The output of a monitoring plugin for the whole report."""
    view = View(report, rows=10)
    problems = [
        _words(line.job, line.where, line.text) + (f" ({line.acknowledged})" if line.acknowledged else "")
        for line in view.problems()
    ]
    others = [_words(line.state, line.job, line.where, line.text) for line in (*view.skipped(), *view.notes())]
    others += [_words("fault", fault.where, fault.message) for fault in report.faults]
    text = f"{problems[0]} ({view.counts()})" if problems else _calm(report, view)
    data, left_out = _within(_data(report))
    if left_out:
        others.append(f"{left_out:,} performance values are left out")
    first = f"{plugin_state(report)} - {_safe(text)}" + (f" | {' '.join(data)}" if data else "")
    return _lines(first, [_safe(line) for line in problems[1:] + others])


def _calm(report: Report, view: View) -> str:
    if len(report.results) == 1:
        return _words(report.results[0].job, report.results[0].outcome.summary)
    return _words(report.title, view.counts())


def plugin_state(report: Report) -> str:
    """The state word of a monitoring plugin; a report without any result looked at nothing and is UNKNOWN."""
    if not report.results:
        return "UNKNOWN"
    return report.state.value.upper() if report.state.is_problem else "OK"


def _lines(first: str, others: list[str]) -> str:
    room, kept = _TEXT_LIMIT, [first]
    for position, line in enumerate(others):
        room -= len(line.encode()) + 1
        if room < 0:
            kept.append(f"and {len(others) - position:,} more lines")
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _words(*parts: str) -> str:
    *subjects, text = (clean(part, limit=400) for part in parts)
    return f"{' '.join(filter(None, subjects))}: {text}"


def _safe(text: str) -> str:
    return text.replace("|", "/")


def _within(items: Iterator[str]) -> tuple[list[str], int]:
    kept: list[str] = []
    room, left_out = _DATA_LIMIT, 0
    for item in items:
        room -= len(item.encode()) + 1
        if room >= 0:
            kept.append(item)
        else:
            left_out += 1
    return kept, left_out


def _data(report: Report) -> Iterator[str]:
    many = len({result.target for result in report.results}) > 1
    for result in report.results:
        columns = {column.name: column for column in result.outcome.columns}
        for observation in result.outcome.observations:
            for name, value in observation.values.items():
                number = int(value) if isinstance(value, bool) else value
                if finite(number):
                    column = columns.get(name, Column(name=name, dimension=Dimension.NUMBER))
                    label = _label(result, observation, name, many=many)
                    limits = f"{_range(column.warning, column)};{_range(column.critical, column)}"
                    yield f"'{label}'={_measure(number, column.dimension)};{limits}".rstrip(";")


def _label(result: Result, observation: Observation, column: str, *, many: bool) -> str:
    parts = (result.target if many else "", result.job, str(observation.series), column)
    return re.sub(r"['=|]", "_", clean(":".join(part for part in parts if part), limit=120))


def _measure(value: float | Decimal, dimension: Dimension) -> str:
    return _plain(_scaled(value, dimension)) + _UNITS.get(dimension, "")


def _scaled(value: float | Decimal, dimension: Dimension) -> Decimal:
    exact = Decimal(str(float(value))) if isinstance(value, float) else Decimal(value)
    return exact * 100 if dimension is Dimension.RATIO else exact


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _range(threshold: str, column: Column) -> str:
    """`column > 100` as a range of the guidelines; empty for a condition that no range can express."""
    match = _SIMPLE.fullmatch(threshold)
    if not match or match[1] != column.name:
        return ""
    value = _base(Decimal(match[3].replace("_", "")), match[3] + match[4], match[4], column.dimension)
    if value is None:
        return ""
    edge = _plain(_scaled(value, column.dimension))
    return edge if match[2].startswith(">") else f"{edge}:"


def _base(value: Decimal, text: str, unit: str, dimension: Dimension) -> Decimal | None:
    if not unit:
        return value
    if dimension is Dimension.BYTES and unit in SIZE_UNITS:
        return value * SIZE_UNITS[unit]
    if dimension is Dimension.RATIO and unit == "%":
        return value / 100
    try:
        return Decimal(str(parse_duration(text.replace("_", "")))) if dimension is Dimension.SECONDS else None
    except ScheduleError:
        return None
