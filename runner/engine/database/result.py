"""What a statement brought back, as libpq holds it."""

from __future__ import annotations

import ctypes
from itertools import repeat
from typing import Any

from runner.engine.database import libpq as c
from runner.model.query import Notice, QueryError


class Result:
    """Its memory is libpq's, and given back with the object."""

    def __init__(self, pq: Any, pointer: int, *, owned: bool = True) -> None:
        self._pq, self._pointer, self._owned = pq, ctypes.c_void_p(pointer), owned

    def __del__(self) -> None:
        if self._owned:
            self._pq.PQclear(self._pointer)

    @property
    def status(self) -> int:
        return int(self._pq.PQresultStatus(self._pointer))

    @property
    def rows(self) -> int:
        return int(self._pq.PQntuples(self._pointer))

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names; repeated names get a number, as a mapping needs."""
        names: list[str] = []
        for index in range(self._pq.PQnfields(self._pointer)):
            name = (self._pq.PQfname(self._pointer, index) or b"").decode("utf-8", "replace")
            names.append(name if name not in names else f"{name}_{index + 1}")
        return tuple(names)

    @property
    def types(self) -> tuple[int, ...]:
        """The columns' types, as pg_type has them."""
        return tuple(self._pq.PQftype(self._pointer, index) for index in range(self._pq.PQnfields(self._pointer)))

    def column(self, index: int, rows: int) -> list[bytes | None]:
        """The first so many cells of a column as the server wrote them."""
        pointer = self._pointer
        cells: list[bytes | None] = list(map(self._pq.PQgetvalue, repeat(pointer), range(rows), repeat(index)))
        if b"" in cells:
            is_null = self._pq.PQgetisnull
            for row, cell in enumerate(cells):
                if cell == b"" and is_null(pointer, row, index):
                    cells[row] = None
        return cells

    def field(self, field: int) -> str:
        """A field of an error or a notice; empty when it has none."""
        return (self._pq.PQresultErrorField(self._pointer, field) or b"").decode("utf-8", "replace")

    def error(self) -> QueryError:
        """The server's primary message, its code and its hint."""
        message = self.field(c.PRIMARY) or "the server reported an error without a text"
        return QueryError(message=message, sqlstate=self.field(c.SQLSTATE), hint=self.field(c.HINT))

    def notice(self) -> Notice:
        """A notice with its unlocalised severity (NOTICE, WARNING, …)."""
        return Notice(severity=self.field(c.SEVERITY), sqlstate=self.field(c.SQLSTATE), message=self.field(c.PRIMARY))
