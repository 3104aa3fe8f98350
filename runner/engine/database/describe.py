"""What statements would return, without running them: PostgreSQL parses, describes, and plans.

PostgreSQL documentation, "Extended Query": Parse and Describe look up every name and tell the result's columns.
The right to read a table is looked at when a plan is made ready, which `explain` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.engine.database import libpq
from runner.engine.database.connect import connect
from runner.engine.database.connection import Connection, ConnectionLostError
from runner.engine.database.result import Result
from runner.errors import TargetError
from runner.model.sql_text import BoundQuery
from runner.model.target import Target
from runner.records import dataclass

_SETTINGS = (
    b"select set_config('lock_timeout', '2s', false), set_config('statement_timeout', '30s', false),"
    b" set_config('default_transaction_read_only', 'on', false)"
)
_DENIED = "42501"
_QUERY = re.compile(r"[\s(]*(select|with|values|table)\b", re.IGNORECASE)
# pg_type.dat of PostgreSQL: object identifiers of the built-in types.
_KINDS = {
    **dict.fromkeys((20, 21, 23, 26, 700, 701, 790, 1700), "number"),
    **dict.fromkeys((18, 19, 25, 1042, 1043), "text"),
    **dict.fromkeys((1082, 1114, 1184), "timestamp"),
    16: "bool",
    1186: "interval",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The result's columns by name: number, text, timestamp, bool, interval, or None for any other type."""

    columns: dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a statement cannot be prepared; `offset` counts characters of its text, None when it has no place."""

    message: str
    sqlstate: str
    hint: str = ""
    offset: int | None = None

    @property
    def is_denied(self) -> bool:
        """Whether a right is missing."""
        return self.sqlstate == _DENIED


def describe(target: Target, database: str, statements: Sequence[BoundQuery]) -> list[Described | Refused]:
    """One answer a statement, on a connection of its own. Raises TargetError."""
    with connect(target, database, purpose="runner/validate") as connection:
        try:
            connection.send(_SETTINGS)
            connection.last_result()
            return [_describe(connection, statement) for statement in statements]
        except ConnectionLostError as error:
            raise TargetError(f"{target.address} ended the connection: {error}") from error


def _describe(connection: Connection, statement: BoundQuery) -> Described | Refused:
    connection.send_prepare(statement.encoded()[0])
    prepared = connection.last_result()
    if prepared.status == libpq.FATAL_ERROR:
        return _refused(prepared)
    connection.send_describe()
    described = connection.last_result()
    if described.status == libpq.FATAL_ERROR:
        return _refused(described)
    kinds = {name: _KINDS.get(oid) for name, oid in zip(described.columns, described.types, strict=True)}
    return _denial(connection, statement) or Described(columns=kinds)


def _denial(connection: Connection, statement: BoundQuery) -> Refused | None:
    """The right that a query lacks; other errors of planning depend on values and are left to the run."""
    if not _QUERY.match(statement.sql):
        return None
    sql, values = statement.encoded()
    connection.send(b"explain " + sql, values)
    planned = connection.last_result()
    if planned.status != libpq.FATAL_ERROR:
        return None
    refused = _refused(planned)
    return refused if refused.is_denied else None


def _refused(result: Result) -> Refused:
    error = result.error()
    position = result.field(libpq.POSITION)
    return Refused(
        message=error.message,
        sqlstate=error.sqlstate,
        hint=error.hint,
        offset=int(position) - 1 if position.isdigit() else None,
    )
