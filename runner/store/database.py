"""What the SQL of the store is written against: a connection of either kind inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The few texts in which the databases differ; everything else is SQL that all of them understand."""

    name: str
    types: Mapping[str, str] = field(repr=False)
    """What stands for the names in braces in `schema.MIGRATIONS`."""
    members: str
    """A subquery of whole numbers; its one parameter is a JSON list of them."""
    part: str
    """The JSON text of a part of `data`, null when it has none; its one parameter is what `path` returns.

    Empty when the database cannot take JSON texts apart.
    """
    path_start: str
    path_end: str

    def path(self, column: str) -> str:
        """Names a column of `data`; not for columns whose name JSON escapes."""
        return f"{self.path_start}{column}{self.path_end}"


class Cursor(Protocol):
    """What a statement returned."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """Statements in one transaction. Parameters are `?` in order, or `?1`, `?2`; texts, whole numbers or None."""

    @property
    def dialect(self) -> Dialect: ...

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor: ...

    def append(
        self, table: str, fixed: tuple[str, int], columns: Sequence[str], rows: Iterable[Sequence[Any]], /
    ) -> None:
        """Inserts many rows at once; the column `fixed` has the same number in all of them."""
