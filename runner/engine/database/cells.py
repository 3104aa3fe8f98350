"""PostgreSQL's texts as plain Python values.

The forms are those of PostgreSQL's documentation, "Data Types", with `DateStyle` ISO and `IntervalStyle` postgres. What has
no plain value (`infinity`, years beyond Python's, json, inet, …) stays the text that the server wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from runner.engine.database.arrays import array_of
from runner.engine.database.result import Result

Reader = Callable[[bytes], object]

_INTERVAL = re.compile(
    r"(?:(-?\+?\d+) years? ?)?(?:(-?\+?\d+) mons? ?)?(?:(-?\+?\d+) days? ?)?(?:([-+])?(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?"
)
_ESCAPED = re.compile(rb"\\(?:(\\)|([0-7]{3}))")
_FIELD = re.compile(r'(?:"((?:[^"\\]|""|\\.)*)"|([^,()"]*))(?:,|\)$)', re.DOTALL)


def rows_of(result: Result, limit: int) -> list[tuple[object, ...]]:
    """At most `limit` rows."""
    count = min(result.rows, limit)
    columns = [_values(result.column(index, count), oid) for index, oid in enumerate(result.types)]
    return list(zip(*columns, strict=True)) if columns else [()] * count


def _values(cells: list[bytes | None], oid: int) -> list[object]:
    read = _READERS.get(oid, _text)
    try:
        if None not in cells:
            return list(map(read, cells))  # type: ignore[arg-type]
        return [None if cell is None else read(cell) for cell in cells]
    except (ValueError, ArithmeticError):
        return [None if cell is None else _value(cell, read) for cell in cells]


def _value(cell: bytes, read: Reader) -> object:
    try:
        return read(cell)
    except (ValueError, ArithmeticError):
        return _text(cell)


def _text(cell: bytes) -> str:
    # A database in SQL_ASCII hands out whatever bytes it was given.
    return cell.decode("utf-8", "replace")


def _bool(cell: bytes) -> bool:
    return cell == b"t"


def _decimal(cell: bytes) -> Decimal:
    return Decimal(cell.decode())


def _date(cell: bytes) -> date:
    return date.fromisoformat(cell.decode())


def _moment(cell: bytes) -> datetime:
    return datetime.fromisoformat(cell.decode())


def _interval(cell: bytes) -> timedelta:
    """A month counts as 30 days and a year as 365, as PostgreSQL's own `extract(epoch …)` nearly has it."""
    found = _INTERVAL.fullmatch(cell.decode())
    if not found:
        raise ValueError(cell)
    years, months, days, sign, hours, minutes, seconds, fraction = found.groups(default="")
    clock = timedelta(
        hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0),
        microseconds=int(fraction.ljust(6, "0")[:6] or 0),
    )  # fmt: skip
    whole = timedelta(days=365 * int(years or 0) + 30 * int(months or 0) + int(days or 0))
    return whole - clock if sign == "-" else whole + clock


def _bytes(cell: bytes) -> bytes:
    """Both values of `bytea_output`."""
    if cell.startswith(b"\\x"):
        return bytes.fromhex(cell[2:].decode())
    return _ESCAPED.sub(lambda found: found[1] or bytes([int(found[2], 8)]), cell)


def _row(cell: bytes) -> list[str | None]:
    """A row value as the texts of its fields (PostgreSQL documentation, "Composite Types")."""
    text = _text(cell)
    if text == "()":
        return []
    return [_field(found) for found in _FIELD.finditer(text, 1)]


def _field(found: re.Match[str]) -> str | None:
    if found[1] is not None:
        return re.sub(r'""|\\(.)', lambda each: each[1] or '"', found[1], flags=re.DOTALL)
    return found[2] or None


def _array(read: Reader) -> Reader:
    return lambda cell: array_of(_text(cell), lambda item: read(item.encode()))


# pg_type.dat: the types, and the types of arrays of them. What is not here is read as text.
_READERS: dict[int, Reader] = {
    16: _bool, 17: _bytes, 20: int, 21: int, 23: int, 26: int, 700: float, 701: float, 1700: _decimal,
    1082: _date, 1114: _moment, 1184: _moment, 1186: _interval, 2249: _row,
}  # fmt: skip
_ARRAYS = {
    1000: 16, 1001: 17, 1016: 20, 1005: 21, 1007: 23, 1028: 26, 1021: 700, 1022: 701, 1231: 1700, 1182: 1082,
    1115: 1114, 1185: 1184, 1187: 1186,
    # "char", name, text, character, varchar, json, jsonb, xml, inet, cidr, uuid, pg_lsn, regclass, regproc, regtype, xid, tid
    **dict.fromkeys((1002, 1003, 1009, 1014, 1015, 199, 3807, 143, 1041, 651, 2951, 3221, 2210, 1008, 2211, 1011, 1010), 25),
}  # fmt: skip
_READERS |= {array: _array(_READERS.get(element, _text)) for array, element in _ARRAYS.items()}
