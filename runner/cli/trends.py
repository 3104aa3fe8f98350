"""Trends in the terminal: the course of each column as bars, as wide as there is room for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final

from runner.api import Result
from runner.formats.course import Course, courses_of
from runner.formats.layout import sparkline, width

WIDEST: Final = 24
NARROWEST: Final = 8
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_ASCII: Final = "_.-:=+*#"
"""The same eight heights where the terminal knows no blocks."""


def knows_blocks(encoding: str | None) -> bool:
    """Whether text in this encoding can show the bars."""
    try:
        _BLOCKS.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def room() -> int:
    """The columns of the terminal (or what COLUMNS says); 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def trend_rows(results: Sequence[Result], columns: int, *, blocks: bool) -> list[tuple[str, ...]]:
    """Bars, what is measured, its course in words, job and target, one row for each trend that has numbers.

    A row takes at most `columns` columns where bars of the narrowest width fit beside the words.
    """
    found = [(result, course) for result in results for course in courses_of(result) if len(course.points) > 1]
    words = [
        (course.name, _course(course, blocks=blocks), result.job, result.target or "host") for result, course in found
    ]
    taken = sum(max(map(width, column)) + 2 for column in zip(*words, strict=True)) if words else 0
    bars = min(max(columns - taken, NARROWEST), WIDEST)
    return [(_bars(course, bars, blocks=blocks), *row) for (_, course), row in zip(found, words, strict=True)]


def _bars(course: Course, columns: int, *, blocks: bool) -> str:
    text = sparkline([value for _, value in course.points], columns)
    return text if blocks else text.translate(str.maketrans(_BLOCKS, _ASCII))


def _course(course: Course, *, blocks: bool) -> str:
    return f"{course.first} {'→' if blocks else '->'} {course.last} in {course.span}"
