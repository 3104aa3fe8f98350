"""Connections to the store's server: they notice a dead peer, and their settings are the store's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import RawCursor

from runner.model.secret import revealed
from runner.store.address import Address
from runner.store.database import Cursor
from runner.store.dialect_postgres import POSTGRES

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

SCHEMA: Final = "runner"
LOCK_SECONDS: Final = 15
STATEMENT_SECONDS: Final = 120
_IDLE_SECONDS: Final = 60

# A peer that is gone is noticed after about ten seconds, by libpq here and by the server there.
_CLIENT: Final = {
    "connect_timeout": "5", "application_name": "runner store", "target_session_attrs": "read-write",
    "keepalives": "1", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}  # fmt: skip
_SERVER: Final = (
    f"set search_path = {SCHEMA}; set synchronous_commit = on; set lock_timeout = '{LOCK_SECONDS}s';"
    f" set statement_timeout = '{STATEMENT_SECONDS}s';"
    f" set idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';"
    " set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3"
)
# Not every platform of a server has these.
_WISHES: Final = ("set tcp_user_timeout = '10s'", "set client_connection_check_interval = '5s'")
_READ: Final = "begin isolation level repeatable read read only"


def connect(address: Address) -> Connection:
    """A new session; raises psycopg.Error."""
    options: dict[str, Any] = {
        **_CLIENT,
        **{name: revealed(value) for name, value in address.options.items()},
        "client_encoding": "utf8",
    }
    connection: Connection = psycopg.connect(
        autocommit=True, cursor_factory=RawCursor, prepare_threshold=None, **options
    )
    try:
        connection.execute(_SERVER)
        for wish in _WISHES:
            with suppress(psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError):
                connection.execute(wish)
    except BaseException:
        connection.close()
        raise
    return connection


class PostgresDatabase:
    """The statements of one session as the store's SQL wants them."""

    dialect = POSTGRES

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        return self._connection.execute(numbered(sql), _storable(parameters) or None)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        cursor = self._connection.cursor()
        cursor.executemany(numbered(sql), map(_storable, parameters))
        return cursor

    def append(
        self, table: str, fixed: tuple[str, int], columns: Sequence[str], rows: Iterable[Sequence[Any]], /
    ) -> None:
        name, number = fixed
        with self._connection.cursor().copy(f"copy {table} ({name}, {', '.join(columns)}) from stdin") as copy:
            for row in rows:
                copy.write_row((number, *_storable(row)))


@contextmanager
def transaction(connection: Connection, begin: str = _READ) -> Iterator[PostgresDatabase]:
    """Commits what is done inside, or undoes it when an exception leaves the block."""
    try:
        connection.execute(begin)
        yield PostgresDatabase(connection)
        connection.execute("commit")
    except BaseException:
        _undo(connection)
        raise


def _undo(connection: Connection) -> None:
    try:
        connection.execute("rollback")
    except psycopg.Error:
        connection.close()


@lru_cache(maxsize=256)
def numbered(sql: str) -> str:
    """`?` and `?1` as PostgreSQL writes them: `$1`."""
    counted = iter(range(1, 1 + sql.count("?")))
    return re.sub(r"\?(\d*)", lambda mark: f"${mark[1] or next(counted)}", sql)


def _storable(row: Sequence[Any]) -> list[Any]:
    """PostgreSQL has no zero character in its texts."""
    return [value.replace("\0", "\ufffd") if value.__class__ is str and "\0" in value else value for value in row]
