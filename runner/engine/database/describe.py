"""What statements would return, without running them: PostgreSQL parses, describes, and plans.

PostgreSQL documentation, "Extended Query": Parse and Describe look up every name and tell the result's columns.
The right to read a table is looked at when a plan is made ready, which `explain` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psycopg import Error, pq

from runner.engine.database.connect import connect
from runner.engine.database.pipeline import error_of
from runner.errors import TargetError
from runner.model.sql_text import BoundQuery
from runner.model.target import Target
from runner.records import dataclass

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

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
    connection = connect(target, database, purpose="runner/validate")
    try:
        pgconn = connection.pgconn
        pgconn.exec_(_SETTINGS)
        return [_describe(pgconn, statement) for statement in statements]
    except Error as error:
        raise TargetError(f"{target.address} ended the connection: {' '.join(str(error).split())}") from error
    finally:
        connection.close()


def _describe(pgconn: PGconn, statement: BoundQuery) -> Described | Refused:
    prepared = pgconn.prepare(b"", statement.sql.encode("utf-8", "replace"))
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        return _refused(prepared)
    described = pgconn.describe_prepared(b"")
    if described.status != pq.ExecStatus.COMMAND_OK:
        return _refused(described)
    names = [(described.fname(index) or b"").decode("utf-8", "replace") for index in range(described.nfields)]
    columns = {name: _KINDS.get(described.ftype(index)) for index, name in enumerate(names)}
    return _denial(pgconn, statement) or Described(columns=columns)


def _denial(pgconn: PGconn, statement: BoundQuery) -> Refused | None:
    """The right that a query lacks; other errors of planning depend on values and are left to the run."""
    if not _QUERY.match(statement.sql):
        return None
    values = [None if value is None else value.encode("utf-8", "replace") for value in statement.values]
    planned = pgconn.exec_params(b"explain " + statement.sql.encode("utf-8", "replace"), values)
    if planned.status != pq.ExecStatus.FATAL_ERROR:
        return None
    refused = _refused(planned)
    return refused if refused.is_denied else None


def _refused(result: PGresult) -> Refused:
    error = error_of(result)
    position = (result.error_field(pq.DiagnosticField.STATEMENT_POSITION) or b"").decode()
    return Refused(
        message=error.message,
        sqlstate=error.sqlstate,
        hint=error.hint,
        offset=int(position) - 1 if position.isdigit() else None,
    )
