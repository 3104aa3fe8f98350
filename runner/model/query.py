"""Questions to a server and their answers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TypeAlias

from runner.model.target import DatabaseFilter
from runner.records import dataclass

Value: TypeAlias = object
"""A cell: None, bool, int, float, Decimal, str, bytes, date, datetime, timedelta or a list of those."""

Row: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One statement for one database (empty: the target's own), with its named parameters.

    `:name` stands for a bound value, `:"name"` for a quoted identifier. `max_rows` bounds what is kept.
    """

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)
    database: str = ""
    timeout: float = 30.0
    max_rows: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What came back: columns in order, rows as tuples, the seconds it took, the server's notices."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Value, ...], ...] = ()
    seconds: float = 0.0
    notices: tuple[Notice, ...] = ()
    truncated: bool = False

    def dicts(self) -> list[dict[str, Value]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a server said beside the result; severity as the server's unlocalised word."""

    severity: str
    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryError:
    """Why a query has no result. `sqlstate` is empty when the connection itself failed."""

    message: str
    sqlstate: str = ""
    hint: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.message} (SQLSTATE {self.sqlstate})" if self.sqlstate else self.message


Answer: TypeAlias = "Rows | QueryError"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What is asked once per connection: who we are, where we are, what there is."""

    version: int
    """server_version_num, for example 150018."""
    in_recovery: bool
    user: str
    superuser: bool
    database: str
    databases: tuple[str, ...]
    """All that allow connections and are valid, templates included, sorted."""
    roles: frozenset[str] = frozenset()
    """The predefined roles that the user is a member of."""
    seconds_to_connect: float = 0.0

    @property
    def major(self) -> int:
        return self.version // 10000

    @property
    def role(self) -> str:
        return "standby" if self.in_recovery else "primary"

    def visited(self, wanted: DatabaseFilter) -> tuple[str, ...]:
        return tuple(name for name in self.databases if wanted.admits(name))
