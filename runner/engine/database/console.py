"""Consoles that speak PostgreSQL's protocol and are no PostgreSQL: statements one by one, in the simple protocol."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

from runner.engine.database.cells import columns_of, rows_of
from runner.engine.database.connect import connect
from runner.engine.database.pipeline import error_of
from runner.errors import TargetError
from runner.model.query import Answer, Rows
from runner.model.target import Target

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

_MOST = 100_000


def ask_console(target: Target, statements: Sequence[str], timeout: float) -> list[Answer]:
    """The answers in the order of the statements, each within so many seconds. Raises TargetError."""
    connection = connect(target)
    try:
        return [_ask(connection, target, statement, timeout) for statement in statements]
    except psycopg.Error as error:
        raise TargetError(f"{target.address} ended the connection: {' '.join(str(error).split())}") from error
    finally:
        connection.close()


def _ask(connection: psycopg.Connection[Any], target: Target, statement: str, timeout: float) -> Answer:
    begin = time.monotonic()
    connection.pgconn.send_query(statement.encode())
    result = _last_result(connection, target, begin + timeout)
    if result is None or result.status == pq.ExecStatus.FATAL_ERROR:
        if result is None:
            raise TargetError(f"{target.address} sent no result of {statement}")
        return error_of(result)
    rows = rows_of(result, connection, _MOST)
    return Rows(columns=columns_of(result), rows=rows, seconds=time.monotonic() - begin)


def _last_result(connection: psycopg.Connection[Any], target: Target, deadline: float) -> PGresult | None:
    pgconn, last = connection.pgconn, None
    waiting = select.poll()
    waiting.register(pgconn.socket, select.POLLIN)
    while True:
        while pgconn.is_busy():
            left = deadline - time.monotonic()
            if left <= 0 or not waiting.poll(left * 1000):
                raise TargetError(f"{target.address} did not answer in time; the connection was given up")
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return last
        last = result
