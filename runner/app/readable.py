"""Limits that people would write themselves: round numbers of the right size, and text that YAML reads back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction

from runner.model.quantity import DURATION_UNITS, SIZE_UNITS, Dimension

_STEPS = (1, 2, 5)
_DURATIONS = (
    *((number, "ms") for number in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *((number, "s") for number in (1, 2, 5, 10, 20, 30)),
    *((number, "min") for number in (1, 2, 5, 10, 20, 30)),
    *((number, "h") for number in (1, 2, 4, 6, 12)),
    *((number, "d") for number in (1, 2, 3, 5, 7, 14, 30, 60, 90, 180, 365)),
)
_SHARES = (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 98, 99, 100)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./()-]*(?<! )")
# Words that YAML 1.1 or 1.2 reads as something else than text.
_NO_TEXT = re.compile(r"(?i:true|false|null|yes|no|on|off|y|n)")


def above(value: Fraction, dimension: Dimension) -> Fraction:
    """The smallest readable limit that is not below the value (which is positive)."""
    if dimension is Dimension.RATIO and value <= 1:
        return next(Fraction(share, 100) for share in _SHARES if Fraction(share, 100) >= value)
    candidates = {Dimension.BYTES: _sizes, Dimension.SECONDS: _spans}.get(dimension, _numbers)
    return next(limit for limit, _ in candidates(value) if limit >= value)


def literal(value: Fraction, dimension: Dimension) -> str:
    """The limit as an expression has it: 10GB, 30min, 80%, 200_000."""
    if dimension is Dimension.RATIO:
        return f"{_written(value * 100)}%"
    candidates = {Dimension.BYTES: _sizes, Dimension.SECONDS: _spans}.get(dimension, _numbers)
    return next(text for limit, text in candidates(value) if limit == value)


def _sizes(least: Fraction) -> Iterator[tuple[Fraction, str]]:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        for number in (step * power for power in (1, 10, 100) for step in _STEPS):
            yield Fraction(number * SIZE_UNITS[unit]), f"{number}{unit}"
    yield from ((limit * SIZE_UNITS["PB"], f"{text}PB") for limit, text in _numbers(least / SIZE_UNITS["PB"]))


def _spans(least: Fraction) -> Iterator[tuple[Fraction, str]]:
    yield from ((number * Fraction(DURATION_UNITS[unit]), f"{number}{unit}") for number, unit in _DURATIONS)
    yield from ((limit * 86400, f"{text}d") for limit, text in _numbers(least / 86400) if limit > 365)


def _numbers(least: Fraction) -> Iterator[tuple[Fraction, str]]:
    """1, 2, 5, 10, … from the size of the least one on."""
    power = Fraction(1)
    while power > least:
        power /= 10
    while power * 10 <= least:
        power *= 10
    while True:
        for step in _STEPS:
            yield step * power, _written(step * power)
        power *= 10


def _written(value: Fraction) -> str:
    if value.denominator == 1:
        return f"{int(value):_}" if value >= 10_000 else str(int(value))
    return f"{float(value):.12f}".rstrip("0")


def scalar(value: object) -> str:
    """A value as YAML inside `{…}`: texts in double quotes unless they are plain words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return json.dumps(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and not _NO_TEXT.fullmatch(text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text in double quotes."""
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
