"""Values of expressions: quantities with a dimension, null, and unknown with its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, NoReturn, TypeAlias

from runner.expr.numbers import read_quantity, whole
from runner.model.history import Number
from runner.model.quantity import KINDS, Dimension, show
from runner.records import dataclass

MAX_BITS: Final = 4096
_SMALL: Final = 2**62
MAX_EXPONENT: Final = 1200
_WIDE = Context(prec=4000)
_TRUE: Final = frozenset({"true", "t", "on", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "off", "no", "n", "0"})
NUMERIC: Final = (Dimension.NUMBER, Dimension.BYTES, Dimension.SECONDS, Dimension.RATIO)

Plain: TypeAlias = int | Decimal | Fraction | str | bool | datetime


@dataclass(frozen=True, slots=True, init=False)
class Quantity:
    """A value in the base unit of its dimension. Numbers are exact; `NEVER` is the one infinite duration."""

    value: Plain
    dimension: Dimension

    def __init__(self, value: Plain, dimension: Dimension) -> None:
        _set_value(self, value)
        _set_dimension(self, dimension)

    def __str__(self) -> str:
        return show(self.value, self.dimension)

    def __bool__(self) -> bool:
        """As the value itself, so that `{% if waiting %}` in a message is false for 0."""
        return bool(self.value)


# One is made for every cell: the slots' own setters take half the time of a generated frozen __init__.
_set_value: Final = vars(Quantity)["value"].__set__
_set_dimension: Final = vars(Quantity)["dimension"].__set__


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why there is no value. It has no truth: whoever asks gets a TypeError.

    `learning` says that history is missing. A `fault` is a wrong value rather than a missing one, such as
    text in a column of numbers: neither `is null` nor `coalesce` hides it.
    """

    reason: str
    learning: bool = False
    fault: bool = False

    def __bool__(self) -> NoReturn:
        raise TypeError(f"an unknown value is neither true nor false: {self.reason}")


Value: TypeAlias = "Quantity | Unknown | None"

NEVER: Final = Quantity(Decimal("Infinity"), Dimension.SECONDS)


def merge(left: Unknown, right: Unknown) -> Unknown:
    """The unknown of two: a fault counts more than a missing value, and that more than missing history."""
    if _weight(left) != _weight(right):
        return max(left, right, key=_weight)
    reasons = sorted({*left.reason.split("; "), *right.reason.split("; ")})
    return Unknown("; ".join(reasons), left.learning and right.learning, left.fault)


def _weight(unknown: Unknown) -> int:
    return 2 if unknown.fault else 0 if unknown.learning else 1


def quantity(cell: object, kind: str | None, name: str = "the value") -> Value:
    """A cell as PostgreSQL's driver returns it, in base units; `kind` is a word of `KINDS` or None.

    Never raises: NaN is Unknown, and a value that does not fit its kind is an Unknown fault.
    """
    return converter(kind, name)(cell)


def quantities(cells: Sequence[object], kind: str | None, name: str) -> list[Value]:
    """The same for a whole column, quickly where all its cells are of one plain type."""
    dimension, factor = KINDS[kind] if kind else (None, 1)
    types = set(map(type, cells))
    if types == {str} and dimension in {None, Dimension.TEXT}:
        return [Quantity(cell, Dimension.TEXT) for cell in cells]  # type: ignore[arg-type]
    if types == {int} and factor == 1 and dimension in {None, *NUMERIC} and max(map(abs, cells)) < _SMALL:  # type: ignore[arg-type]
        return [Quantity(cell, dimension or Dimension.NUMBER) for cell in cells]  # type: ignore[arg-type]
    convert = converter(kind, name)
    return [convert(cell) for cell in cells]


@lru_cache(maxsize=4096)
def converter(kind: str | None, name: str = "the value") -> Callable[[object], Value]:
    """The conversion for a whole column."""
    if kind is None:
        return lambda cell: None if cell is None else _by_type(cell, name)
    dimension, factor = KINDS[kind]
    if dimension in NUMERIC:
        return _numeric(dimension, whole(factor), kind, name)
    read = {Dimension.TEXT: _text, Dimension.BOOL: _truth, Dimension.TIME: _time}[dimension]
    return lambda cell: None if cell is None else read(cell, name)


def _by_type(cell: object, name: str) -> Value:
    if type(cell) is str:
        return Quantity(cell, Dimension.TEXT)
    if isinstance(cell, bool):
        return Quantity(cell, Dimension.BOOL)
    if isinstance(cell, (int, float, Decimal, Fraction)):
        return number(cell, Dimension.NUMBER, name)
    if isinstance(cell, timedelta):
        return Quantity(seconds(cell), Dimension.SECONDS)
    if isinstance(cell, date):
        return _time(cell, name)
    return _text(cell, name)


def number(value: float | Decimal | Fraction, dimension: Dimension, name: str) -> Quantity | Unknown:
    """A number as an exact quantity; NaN, infinity and what is too large are unknown."""
    if type(value) is int and -_SMALL < value < _SMALL:
        return Quantity(value, dimension)
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            return Unknown(f"{name} is too large a number", fault=True)
        return Quantity(value, dimension)
    if isinstance(value, Fraction):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            return Unknown(f"{name} is too large a number", fault=True)
        return Quantity(value.numerator if value.denominator == 1 else value, dimension)
    if isinstance(value, float):
        value = Decimal(repr(value))
    if not value.is_finite():
        return _not_finite(value, name)
    if value and (abs(value.adjusted()) > MAX_EXPONENT or len(value.as_tuple().digits) > MAX_EXPONENT):
        return Unknown(f"{name} is too large a number", fault=True)
    return Quantity(value, dimension)


def _not_finite(value: Decimal, name: str) -> Unknown:
    if value.is_nan():
        return Unknown(f"{name} is not a number (NaN)")
    return Unknown(f"{name} is infinite", fault=True)


def seconds(span: timedelta) -> int | Decimal:
    """The exact seconds of a span."""
    whole_seconds = span.days * 86400 + span.seconds
    return whole_seconds if not span.microseconds else Decimal(whole_seconds) + Decimal(span.microseconds).scaleb(-6)


def _numeric(dimension: Dimension, factor: int | Decimal, kind: str, name: str) -> Callable[[object], Value]:
    plain = factor == 1
    exact = Decimal(factor)

    def convert(cell: object) -> Value:
        if plain and type(cell) is int and -_SMALL < cell < _SMALL:
            return Quantity(cell, dimension)
        if cell is None:
            return None
        if isinstance(cell, bool) or not isinstance(cell, (int, float, Decimal, Fraction)):
            return _measured(cell, dimension, kind, name)
        found = number(cell, dimension, name)
        if plain or not isinstance(found, Quantity):
            return found
        return number(_times(found.value, factor, exact), dimension, name)

    def _measured(cell: object, dimension: Dimension, kind: str, name: str) -> Value:
        if isinstance(cell, timedelta) and dimension is Dimension.SECONDS:
            return Quantity(seconds(cell), dimension)
        read = read_quantity(cell) if isinstance(cell, str) else None
        if read and read[1] is Dimension.NUMBER:
            return convert(read[0])
        if read and read[1] is dimension:
            return number(read[0], dimension, name)
        if isinstance(cell, str) and cell.strip().lower() == "nan":
            return Unknown(f"{name} is not a number (NaN)")
        return Unknown(f"{name} is declared as {kind} but holds {_shown(cell)}", fault=True)

    return convert


def _times(value: object, factor: int | Decimal, exact: Decimal) -> int | Decimal | Fraction:
    if isinstance(value, int):
        return value * factor if isinstance(factor, int) else whole(_WIDE.multiply(Decimal(value), exact))
    if isinstance(value, Decimal):
        return _WIDE.multiply(value, exact)
    return Fraction(str(value)) * Fraction(factor)


def _shown(cell: object) -> str:
    text = repr(cell) if isinstance(cell, str) else text_of(cell)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _text(cell: object, _: str) -> Quantity:
    return Quantity(text_of(cell), Dimension.TEXT)


def _truth(cell: object, name: str) -> Quantity | Unknown:
    word = text_of(cell).strip().lower()
    if word in _TRUE or word in _FALSE:
        return Quantity(word in _TRUE, Dimension.BOOL)
    return Unknown(f"{name} is declared as bool but holds {_shown(cell)}", fault=True)


def _time(cell: object, name: str) -> Quantity | Unknown:
    try:
        moment = datetime.fromisoformat(cell) if isinstance(cell, str) else cell
        if isinstance(moment, datetime):
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return Quantity(aware.astimezone(UTC), Dimension.TIME)
        if isinstance(moment, date):
            return Quantity(datetime(moment.year, moment.month, moment.day, tzinfo=UTC), Dimension.TIME)
    except (ValueError, OverflowError):
        pass
    return Unknown(f"{name} is declared as timestamp but holds {_shown(cell)}", fault=True)


def text_of(cell: object) -> str:
    """A cell as text: `(null)`, true, 5, 2026-01-31T12:00:00, `a, b` for lists."""
    if type(cell) is str:
        return cell
    match cell:
        case None:
            return "(null)"
        case str():
            return cell
        case bool():
            return str(cell).lower()
        case bytes() | bytearray() | memoryview():
            return f"\\x{bytes(cell).hex()}"
        case datetime() | date():
            return cell.isoformat()
        case list() | tuple():
            return ", ".join(text_of(item) for item in cell)
        case dict():
            return json.dumps(cell, default=text_of, ensure_ascii=False)
        case int() if cell.bit_length() > MAX_BITS:
            return "(a number of more than a thousand digits)"
    return str(cell)


def recorded(value: Value) -> Number:
    """A value as history keeps it: numbers in base units, times as ISO 8601 text; None when there is none."""
    if not isinstance(value, Quantity) or value is NEVER:
        return None
    plain = value.value
    if type(plain) is int and -_SMALL < plain < _SMALL:
        return plain
    if isinstance(plain, datetime):
        return plain.isoformat()
    if isinstance(plain, (str, bool)) or (isinstance(plain, int) and -(2**63) <= plain < 2**63):
        return plain
    if isinstance(plain, Decimal) and abs(plain) < 2**63 and plain == plain.to_integral_value():
        return int(plain)
    try:
        return float(plain)
    except OverflowError:
        return None


def remembered(value: Number, dimension: Dimension | None, name: str) -> Value:
    """A recorded value as a quantity again; without a dimension its own type decides."""
    if value is None:
        return None
    if type(value) is int:
        return number(value, dimension if dimension in NUMERIC else Dimension.NUMBER, name)
    if isinstance(value, str):
        return _time(value, name) if dimension is Dimension.TIME else Quantity(value, Dimension.TEXT)
    if isinstance(value, bool):
        return Quantity(value, Dimension.BOOL)
    if isinstance(value, float) and not math.isfinite(value):
        return Unknown(f"{name} is not a number", fault=True)
    return number(value, dimension if dimension in NUMERIC else Dimension.NUMBER, name)


def param(value: object, name: str) -> Value:
    """A parameter: text such as 10GB, 5min or 20% is a quantity, other text is text."""
    if isinstance(value, str):
        read = read_quantity(value)
        if read and read[1] is not Dimension.NUMBER:
            return Quantity(*read)
    return quantity(value, None, f"params.{name}")
