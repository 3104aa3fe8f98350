"""Columns, cells and sparklines of plain text: widths count what a terminal shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard
from unicodedata import combining, east_asian_width

from runner.model.result import Table
from runner.template import clean

CELL_LIMIT = 80
_BARS = "▁▂▃▄▅▆▇█"


_LARGEST = 1e300
"""PostgreSQL's numeric knows larger numbers; no measurement is near it."""


def finite(value: object) -> TypeGuard[float]:
    """Whether the value is a number that can be drawn; truth values, NaN and the infinities are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST


def width(text: str) -> int:
    """The columns that the text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled up with spaces, before it when it is a number."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def table_lines(table: Table, limit: int) -> list[str]:
    """The table's header and rows, aligned; at most `limit` rows, then how many are missing."""
    names = [clean(name, limit=CELL_LIMIT) for name in table.columns]
    rows = [[clean(cell, limit=CELL_LIMIT) for cell in row] for row in table.rows[:limit]]
    numeric = [name in table.numeric for name in table.columns]
    widths = [max(map(width, column)) for column in zip(names, *rows, strict=True)]
    lines = [
        "  ".join(pad(cell, columns, right=right) for cell, columns, right in zip(row, widths, numeric, strict=True))
        for row in (names, ["-" * columns for columns in widths], *rows)
    ]
    missing = max(len(table.rows) - limit, 0) + table.more
    return [line.rstrip() for line in lines] + more_lines(missing)


def more_lines(missing: int, noun: str = "") -> list[str]:
    """What stands for lines that are left out: nothing, or `and 12 more`."""
    return [f"and {missing:,} more{noun and f' {noun}'}"] if missing else []


def sparkline(values: Sequence[float], columns: int = 24) -> str:
    """The course of the values as bars, the lowest to the highest; a flat course is a low line."""
    if len(values) > columns:
        step = (len(values) - 1) / (columns - 1)
        values = [values[round(position * step)] for position in range(columns)]
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in values)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells with their columns below each other; columns without any text take no room."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(pad(cell, columns) for cell, columns in zip(row, widths, strict=True) if columns).rstrip()
        for row in rows
    ]
