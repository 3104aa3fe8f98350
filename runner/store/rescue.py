"""Reading what is left of a damaged SQLite file: the rows around the pages that cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any, Final, TypeAlias

from runner.records import dataclass

Row: TypeAlias = tuple[Any, ...]
Fetch: TypeAlias = Callable[[int], Iterator[Row]]
"""The rows whose number, in their first cell, is at least the given one, in order; raises where the file is bad."""

UNREADABLE: Final = (sqlite3.Error, MemoryError, UnicodeDecodeError)
"""What reading a bad page raises: lengths that ask for more memory than there is, messages that quote its bytes."""
_HIGHEST: Final = 2**62
_PROBES: Final = 4096
"""How many places inside a gap are tried, so that a readable page between two bad ones is found."""

_PROBES_OF_OPEN: Final = 256
"""The same where nothing after the gap can be read."""


@dataclass(slots=True)
class Gaps:
    """What could not be read: how many numbers lie in the gaps, and whether one has no end."""

    numbers: int = 0
    is_open: bool = False

    @property
    def any(self) -> bool:
        return bool(self.numbers) or self.is_open


@dataclass(slots=True)
class Table:
    """How a table is laid out, by the schema that it should have."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    has_rowid: bool
    gaps: Gaps = field(default_factory=Gaps)


def read_table(connection: sqlite3.Connection, table: Table, batches: Iterable[int] = ()) -> Iterator[Row]:
    """The readable rows with the table's columns; what is lost is noted in its gaps.

    A table without rowid is read from both ends; samples batch by batch.
    """
    if table.has_rowid:
        rows = around(_by_number(connection, table, "rowid", "not indexed"), table.gaps)
        yield from (row[1:] for row in rows)
    elif table.name == "samples":
        for batch in batches:
            fetch = _by_number(connection, table, "series", "", f"batch = {batch} and ")
            yield from (row[1:] for row in around(fetch, table.gaps))
    else:
        yield from _from_both_ends(connection, table)


def _by_number(connection: sqlite3.Connection, table: Table, number: str, how: str, condition: str = "") -> Fetch:
    columns = ", ".join(f'"{name}"' for name in table.columns)

    def fetch(start: int) -> Iterator[Row]:
        return connection.execute(
            f'select {number}, {columns} from "{table.name}" {how}'  # noqa: S608
            f" where {condition}{number} >= ? order by {number}",
            (start,),
        )

    return fetch


def around(fetch: Fetch, gaps: Gaps, start: int = 0, stop: int = _HIGHEST) -> Iterator[Row]:
    """The rows with numbers in [start, stop): where reading fails, the next readable number is looked for by halving."""
    while start < stop:
        last = start - 1
        try:
            for row in fetch(start):
                if row[0] >= stop:
                    return
                if row[0] < last:
                    raise sqlite3.DatabaseError("numbers do not ascend")
                last = row[0]
                yield row
        except UNREADABLE:
            bad = max(start, last + 1)
        else:
            return
        end = _next_readable(fetch, bad)
        yield from _islands(fetch, bad, min(end, stop))
        gaps.numbers += end - bad if end < _HIGHEST else 0
        gaps.is_open |= end == _HIGHEST
        start = end


def _first(fetch: Fetch, number: int) -> int | None:
    """The number of the first row from there on, _HIGHEST when there is none; None when it cannot be read."""
    try:
        row = next(fetch(number), None)
    except UNREADABLE:
        return None
    if row is None:
        return _HIGHEST
    return row[0] if isinstance(row[0], int) and row[0] >= number else None


def _next_readable(fetch: Fetch, bad: int) -> int:
    """A number after the bad one from which rows can be read; _HIGHEST when everything after it is lost."""
    step = 1
    while bad + step < _HIGHEST and _first(fetch, bad + step) is None:
        step *= 2
    return _boundary(fetch, bad + step // 2, bad + step) if bad + step < _HIGHEST else _HIGHEST


def _boundary(fetch: Fetch, bad: int, good: int) -> int:
    """The least readable number in (bad, good], as long as what lies before it is bad throughout."""
    while good - bad > 1:
        middle = (bad + good) // 2
        if _first(fetch, middle) is None:
            bad = middle
        else:
            good = middle
    return good


def _islands(fetch: Fetch, bad: int, end: int) -> Iterator[Row]:
    """Rows inside a gap: tried number by number, or in steps when the gap is wide."""
    if end >= _HIGHEST:
        end = bad + _PROBES_OF_OPEN
    stride = max(1, (end - bad) // _PROBES)
    place = bad + stride
    while place < end:
        found = _first(fetch, place)
        if found is None or found >= end:
            place += stride
            continue
        last = place
        try:
            for row in fetch(_boundary(fetch, place - stride, place)):
                if row[0] >= end or row[0] < last - stride:
                    break
                last = row[0]
                yield row
        except UNREADABLE:
            pass
        place = last + stride


def _from_both_ends(connection: sqlite3.Connection, table: Table) -> Iterator[Row]:
    columns = ", ".join(f'"{name}"' for name in table.columns)
    places = [table.columns.index(name) for name in table.key]
    seen: set[Row] = set()
    for direction in ("asc", "desc"):
        order = ", ".join(f'"{name}" {direction}' for name in table.key)
        try:
            for row in connection.execute(f'select {columns} from "{table.name}" order by {order}'):  # noqa: S608
                key = tuple(row[place] for place in places)
                if key in seen:
                    break
                seen.add(key)
                yield row
        except UNREADABLE:
            table.gaps.is_open = True
            continue
        break


def layout(connection: sqlite3.Connection) -> list[Table]:
    """The tables of a sound store, those that others refer to first."""
    named = connection.execute(
        "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%' order by rowid"
    ).fetchall()
    tables = []
    for name, sql in named:
        columns = connection.execute(f'pragma table_info("{name}")').fetchall()
        key = sorted((column[5], column[1]) for column in columns if column[5])
        tables.append(
            Table(
                name=name,
                columns=tuple(column[1] for column in columns),
                key=tuple(column for _, column in key),
                has_rowid="without rowid" not in sql.lower(),
            )
        )
    return tables


def known_columns(connection: sqlite3.Connection, table: Table) -> Sequence[str]:
    """The columns that the damaged file has of the table; none when the table is not to be found in it."""
    try:
        found = {row[1] for row in connection.execute(f'pragma table_info("{table.name}")')}
    except UNREADABLE:
        return ()
    return [name for name in table.columns if name in found]
