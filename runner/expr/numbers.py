"""Numbers with units as they are written: in expressions, in parameters and in cells of text."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Final

from runner.errors import ExpressionError
from runner.expr.problems import LIMIT, UNIT, error
from runner.model.quantity import DURATION_UNITS, DURATION_WORDS, SIZE_UNITS, Dimension
from runner.model.suggest import nearest

MAX_DIGITS: Final = 400
_WIDE = Context(prec=MAX_DIGITS * 3)
_GROUPS = re.compile(r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r"\s*(-?)\s*([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)\s*([A-Za-z]+|%)?\s*", re.ASCII)
_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)", re.ASCII)
_PREFIXES: Final = {"k": 3, "K": 3, "M": 6, "G": 9, "T": 12, "P": 15}
_NOT_FIXED: Final = {"mon": "30d", "month": "30d", "months": "30d", "y": "365d", "year": "365d", "years": "365d"}
_OTHER_WORDS: Final = {"byte": "B", "bytes": "B", "percent": "%", "pct": "%", "msec": "ms", "usec": "us", "µs": "us"}


def whole(value: Decimal) -> int | Decimal:
    """The number as an int where it is one."""
    return int(value) if value == value.to_integral_value() else value


def read_number(text: str, start: int) -> int | Decimal:
    """A number as the lexer found it at `start`. Raises ExpressionError."""
    end = start + len(text)
    if not _GROUPS.fullmatch(text):
        raise error(f"`{text}` is not a number", start, end, hint="one `_` stands between two digits: 100_000")
    digits, _, exponent = text.replace("_", "").lower().partition("e")
    if len(digits) > MAX_DIGITS or len(exponent.lstrip("+-").lstrip("0")) > 3 or abs(int(exponent or 0)) > MAX_DIGITS:
        raise error("the number is too large", start, end, hint=f"at most {MAX_DIGITS} digits", code=LIMIT)
    if not exponent and "." not in digits:
        return int(digits)
    return whole(Decimal(f"{digits}e{exponent or 0}"))


def scale(number: int | Decimal, factor: int | Decimal) -> int | Decimal:
    """The exact product."""
    if isinstance(number, int) and isinstance(factor, int):
        return number * factor
    return whole(_WIDE.multiply(Decimal(number), Decimal(factor)))


def in_unit(number: int | Decimal, unit: str) -> tuple[int | Decimal, Dimension] | None:
    """The number in its base unit; None for a unit that does not exist."""
    if unit == "%":
        return scale(number, Decimal("0.01")), Dimension.RATIO
    if unit in SIZE_UNITS:
        return scale(number, SIZE_UNITS[unit]), Dimension.BYTES
    if unit in DURATION_UNITS:
        return scale(number, DURATION_UNITS[unit]), Dimension.SECONDS
    return None


def meant(unit: str) -> str | None:
    """The unit that was probably meant, None when nothing is near."""
    if unit in _OTHER_WORDS or unit.lower() in DURATION_WORDS:
        return _OTHER_WORDS.get(unit) or DURATION_WORDS[unit.lower()]
    return nearest(unit, [*SIZE_UNITS, *DURATION_UNITS]) or None


def unknown_unit(number: str, unit: str, start: int, end: int) -> ExpressionError:
    """What to say about `5M`, `10Gb`, `5mins` and the like."""
    plain = number.replace("_", "")
    if unit in _PREFIXES and plain.isdigit():
        many = f"{int(plain) * 10 ** _PREFIXES[unit]:_}" if len(plain) < 10 else "the whole number"
        size = f"{number}{'k' if unit in 'kK' else unit}B"
        minutes = f", {number}min (minutes)" if unit == "M" else ""
        return error(
            f"`{unit}` alone is not a unit",
            start,
            end,
            hint=f"did you mean {size} (size){minutes} or {many}?",
            code=UNIT,
        )
    if unit.lower() in _NOT_FIXED:
        hint = f"they differ in length: write days, for example {_NOT_FIXED[unit.lower()]}"
        return error(f"`{unit}` is not a unit", start, end, hint=hint, code=UNIT)
    found = meant(unit)
    hint = f"did you mean {number}{found}?" if found else "sizes: B kB MB GB TB PB; durations: us ms s min h d w"
    return error(f"`{unit}` is not a unit", start, end, hint=hint, code=UNIT)


def read_quantity(text: str) -> tuple[int | Decimal, Dimension] | None:
    """`10GB`, `8192 bytes`, `20%`, `1h 30min` or a bare number; None when the text is none of these."""
    if len(text) > MAX_DIGITS:
        return None
    match = _PLAIN.fullmatch(text)
    if match:
        sign, digits, unit = match.groups()
        number = whole(Decimal(sign + digits))
        word = _OTHER_WORDS.get(unit or "", DURATION_WORDS.get(unit or "", unit or ""))
        return in_unit(number, word) if word else (number, Dimension.NUMBER)
    return _read_durations(text)


def _read_durations(text: str) -> tuple[int | Decimal, Dimension] | None:
    position, seconds = 0, Decimal(0)
    while match := _DURATION.match(text, position):
        number, word = match.groups()
        unit = DURATION_WORDS.get(word, word)
        if unit not in DURATION_UNITS:
            return None
        seconds = _WIDE.add(seconds, _WIDE.multiply(Decimal(number), DURATION_UNITS[unit]))
        position = match.end()
    return (whole(seconds), Dimension.SECONDS) if position and not text[position:].strip() else None
