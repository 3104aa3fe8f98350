"""Frozen data to plain JSON data and back, guided by the dataclasses' own type hints."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

Plain: TypeAlias = Any
"""None, bool, int, float, str, list and dict with text keys: what the json module writes."""

Decoder: TypeAlias = Callable[[Any], Any]

# Python refuses to write whole numbers of more than 4300 digits; no measurement is near that.
_LARGEST_BITS = 14_000
_LARGEST_EXPONENT = 308


def clean(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD: it can be stored and sent as UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and `Z`, so that texts sort as times do; naive means UTC."""
    if moment.tzinfo is UTC:
        return moment.isoformat(timespec="microseconds")[:-6] + "Z"
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def moment(text: str) -> datetime:
    """The aware UTC datetime of an ISO 8601 text. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def encode(value: object) -> Plain:
    """Plain data for a value; never raises.

    Numbers that JSON cannot hold (NaN, infinities, whole numbers beyond 4000 digits) become null: their value
    is not known. Decimals become numbers, mappings whose keys are not text a list of pairs, times UTC text,
    timedeltas seconds, bytes hexadecimal text, and what has no rule its `str`.
    """
    encoder = _ENCODERS.get(type(value))
    return encoder(value) if encoder else _encode_other(value)


def decode(kind: Any, data: Plain) -> Any:
    """The value of this type that `encode` made `data` from; raises ValueError when it does not fit.

    Fields that are missing take their defaults and unknown ones are ignored, so that data of other versions
    can be read. A null where a `float` is declared is NaN.
    """
    try:
        return _decoder(kind)(data)
    except (TypeError, KeyError, AttributeError, IndexError) as error:
        raise ValueError(f"not a {getattr(kind, '__name__', kind)}: {type(error).__name__}: {error}") from error


def teach(kind: type, write: Callable[[Any], Plain], read: Decoder) -> None:
    """Adds a type that is plain data for `encode` and comes back from it."""
    _ENCODERS[kind] = write
    _DECODERS[kind] = read


# ---- encoding


def _encode_int(value: int) -> int | None:
    return value if value.bit_length() <= _LARGEST_BITS else None


def _encode_float(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _encode_decimal(value: Decimal) -> int | float | None:
    if not value.is_finite() or value.adjusted() > _LARGEST_EXPONENT:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _encode_mapping(value: Mapping[Any, Any]) -> Plain:
    if all(isinstance(key, str) for key in value):
        return {clean(key): encode(item) for key, item in value.items()}
    return [[encode(key), encode(item)] for key, item in value.items()]


def _encode_set(value: AbstractSet[Any]) -> Plain:
    return sorted((encode(item) for item in value), key=lambda item: (type(item).__name__, str(item)))


def _encode_other(value: object) -> Plain:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Enum):
        return encode(value.value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: encode(item) for name, item in value._asdict().items()}
    for kind, encoder in _ENCODERS.items():
        if isinstance(value, kind):
            return encoder(value)
    if isinstance(value, Mapping):
        return _encode_mapping(value)
    return _encode_set(value) if isinstance(value, AbstractSet) else clean(str(value))


@cache
def _names(kind: type) -> tuple[str, ...]:
    """What is left out of comparisons is no part of the value."""
    return tuple(item.name for item in fields(kind) if item.compare)


def _encode_items(value: list[Any] | tuple[Any, ...]) -> list[Plain]:
    return [encode(item) for item in value]


_ENCODERS: dict[type, Callable[[Any], Plain]] = {
    types.NoneType: lambda value: value,
    bool: bool,
    int: lambda value: _encode_int(int(value)),
    float: lambda value: _encode_float(float(value)),
    str: lambda value: clean(str(value)),
    tuple: _encode_items,
    list: _encode_items,
    dict: _encode_mapping,
    frozenset: _encode_set,
    set: _encode_set,
    datetime: instant,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: timedelta.total_seconds,
    Decimal: _encode_decimal,
    bytes: bytes.hex,
}


# ---- decoding


def _as_is(data: Any) -> Any:
    return data


def _decode_float(data: Any) -> float:
    return math.nan if data is None else float(data)


_DECODERS: dict[Any, Decoder] = {
    datetime: moment,
    date: date.fromisoformat,
    time: time.fromisoformat,
    timedelta: lambda data: timedelta(seconds=data),
    Decimal: lambda data: Decimal("NaN") if data is None else Decimal(str(data)),
    bytes: bytes.fromhex,
    float: _decode_float,
}
_SCALARS = frozenset({bool, int, float, str, types.NoneType})


@cache
def _decoder(kind: Any) -> Decoder:
    if kind in _DECODERS:
        return _DECODERS[kind]
    origin = get_origin(kind)
    if origin in _DECODERS:
        return _DECODERS[origin]
    if origin in (Union, types.UnionType):
        return _union(get_args(kind))
    if origin is not None and origin is not Literal:
        return _container(origin, get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return cast("Decoder", kind)
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        return _record(kind, kind._fields)
    return _record(kind, [item.name for item in fields(kind) if item.init]) if is_dataclass(kind) else _as_is


def _union(members: tuple[Any, ...]) -> Decoder:
    others = [member for member in members if member is not types.NoneType]
    if all(member in _SCALARS for member in others) and len(others) > 1:
        return _as_is
    if len(others) == 1:
        return lambda data: None if data is None else _decoder(others[0])(data)
    return lambda data: _decoder(min(others, key=lambda member: _misfit(member, data)))(data)


def _misfit(member: Any, data: Any) -> int:
    """How badly data suits this member of a union; dataclasses are told apart by their fields, defaults left out last."""
    if not is_dataclass(member):
        return 1000 if isinstance(data, dict) and get_origin(member) is None else 0
    if not isinstance(data, dict):
        return 1000
    needed = {item.name for item in fields(member) if item.default is item.default_factory is MISSING}
    names = set(_names(cast("type", member)))
    return len(names ^ set(data)) if needed <= set(data) <= names else 1000


def _container(origin: Any, arguments: tuple[Any, ...]) -> Decoder:
    if issubclass(origin, Mapping):
        return _mapping(*arguments)
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is ...):
        return lambda data: tuple(_decoder(kind)(item) for kind, item in zip(arguments, data, strict=True))
    item = arguments[0]
    make = frozenset if issubclass(origin, AbstractSet) else list if origin is list else tuple
    return lambda data: make(map(_decoder(item), data))


def _mapping(key_kind: Any, item_kind: Any) -> Decoder:
    def read(data: Any) -> dict[Any, Any]:
        key, item = _decoder(key_kind), _decoder(item_kind)
        pairs = data.items() if isinstance(data, dict) else data
        return {key(name): item(value) for name, value in pairs}

    return read


def _record(kind: Any, fields_: Sequence[str]) -> Decoder:
    """A dataclass, or a tuple whose items have names."""
    hints = get_type_hints(kind)
    names = [(name, hints[name]) for name in fields_]

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise TypeError(f"a mapping was expected, not {type(data).__name__}")
        return kind(**{name: _decoder(hint)(data[name]) for name, hint in names if name in data})

    return read
