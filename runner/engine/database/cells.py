"""PostgreSQL's results as plain Python values."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import Transformer

from runner.model.query import Answer, QueryError, Rows

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

_BYTEA = 17
_PLAIN = (bool, int, float, Decimal, str, datetime, date, timedelta)


def columns_of(result: PGresult) -> tuple[str, ...]:
    """The names of the result's columns; repeated names get a number, as a mapping needs."""
    names: list[str] = []
    for index in range(result.nfields):
        name = (result.fname(index) or b"").decode("utf-8", "replace")
        names.append(name if name not in names else f"{name}_{index + 1}")
    return tuple(names)


def rows_of(result: PGresult, connection: psycopg.Connection[Any], limit: int) -> tuple[tuple[object, ...], ...]:
    """At most `limit` rows; what has no plain type becomes its text (`infinity`, json, inet, …)."""
    count = min(result.ntuples, limit)
    transformer = Transformer(connection)
    transformer.set_pgresult(result)
    try:
        rows = transformer.load_rows(0, count, tuple)
    except Exception:
        rows = [_cell_by_cell(result, transformer, row) for row in range(count)]
    if all(result.ftype(index) in _SIMPLE for index in range(result.nfields)):
        return tuple(rows)
    binary = frozenset(index for index in range(result.nfields) if result.ftype(index) == _BYTEA)
    return tuple(tuple(_plain(cell, index in binary) for index, cell in enumerate(row)) for row in rows)


class Answered:
    """An answer put together from the pieces in which its rows come; at most `most` of them are kept."""

    def __init__(self, connection: psycopg.Connection[Any], most: int) -> None:
        self._connection, self._most = connection, most
        self._columns: tuple[str, ...] | None = None
        self._rows: list[tuple[object, ...]] = []
        self._seen = 0
        self._unreadable: QueryError | None = None

    def add(self, result: PGresult) -> None:
        try:
            if self._columns is None:
                self._columns = columns_of(result)
            left = self._most - len(self._rows)
            if left > 0 and result.ntuples:
                self._rows += rows_of(result, self._connection, left)
            self._seen += result.ntuples
        except Exception as error:
            words = " ".join(str(error).split()) or type(error).__name__
            self._unreadable = QueryError(message=f"the rows cannot be read: {words}")

    def answer(self) -> Answer:
        if self._columns is None:
            return self._unreadable or QueryError(message="the server sent no result")
        return self._unreadable or Rows(
            columns=self._columns, rows=tuple(self._rows), truncated=self._seen > self._most
        )


# bool, int8, int2, int4, float4, float8, numeric: always plain already.
_SIMPLE = frozenset({16, 20, 21, 23, 700, 701, 1700})


def _cell_by_cell(result: PGresult, transformer: Any, row: int) -> tuple[object, ...]:
    return tuple(_cell(result, transformer, row, index) for index in range(result.nfields))


def _cell(result: PGresult, transformer: Any, row: int, index: int) -> object:
    raw = result.get_value(row, index)
    if raw is None:
        return None
    try:
        return transformer.get_loader(result.ftype(index), psycopg.pq.Format.TEXT).load(raw)
    except Exception:
        return raw.decode("utf-8", "replace")


def _plain(cell: object, is_bytea: bool) -> object:
    if cell is None or isinstance(cell, _PLAIN):
        return cell
    if isinstance(cell, (bytes, bytearray, memoryview)):
        # A database in SQL_ASCII hands out texts as bytes.
        return bytes(cell) if is_bytea else bytes(cell).decode("utf-8", "replace")
    if isinstance(cell, (list, tuple)):
        return [_plain(item, is_bytea) for item in cell]
    return str(cell)
