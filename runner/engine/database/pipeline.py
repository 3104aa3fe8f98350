"""Many read-only queries on one connection in one round trip, each alone with its errors and its timeout.

Every query travels with its own settings and its own sync message, so each is an implicit transaction:
PostgreSQL documentation, "libpq: Pipeline Mode" and "Protocol Flow: Pipelining".
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import pq

from runner.engine.database.cells import columns_of, rows_of
from runner.model.query import Answer, Notice, Query, QueryError, Rows
from runner.model.sql_text import bind

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGresult

_SETTINGS = (
    b"select set_config('transaction_read_only', 'on', true),"
    b" set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)"
)
# More than this in flight gains nothing and holds every answer in memory at once.
_WINDOW = 64
_GRACE = 5.0
"""Seconds beyond its statement_timeout after which a silent server is given up."""


class _LostError(Exception):
    """The connection is gone, or the server is silent; nothing more will come."""


def ask(connection: psycopg.Connection[Any], queries: Sequence[Query], lock_timeout: float) -> list[Answer]:
    """The answers in the order of the queries; never raises for what the server does."""
    answers: list[Answer] = []
    for start in range(0, len(queries), _WINDOW):
        part = queries[start : start + _WINDOW]
        answers.extend(_ask_window(connection, part, lock_timeout))
    return answers


def _ask_window(connection: psycopg.Connection[Any], queries: Sequence[Query], lock_timeout: float) -> list[Answer]:
    answers: list[Answer] = []
    notices: list[Notice] = []
    pgconn = connection.pgconn
    pgconn.notice_handler = lambda result: notices.append(notice_of(result))
    try:
        _send(pgconn, queries, lock_timeout)
        mark = time.monotonic()
        for query in queries:
            answer = _receive(connection, query, mark, notices)
            answers.append(answer)
            mark = time.monotonic()
        pgconn.exit_pipeline_mode()
    except _LostError as lost:
        answers.extend(QueryError(message=str(lost)) for _ in queries[len(answers) :])
        connection.close()
    finally:
        pgconn.notice_handler = None
    return answers


def _send(pgconn: Any, queries: Sequence[Query], lock_timeout: float) -> None:
    try:
        pgconn.nonblocking = 1
        pgconn.enter_pipeline_mode()
        for query in queries:
            bound = bind(query.sql, query.params)
            limits = [_milliseconds(query.timeout), _milliseconds(lock_timeout)]
            pgconn.send_query_params(_SETTINGS, limits)
            values = [None if value is None else value.encode("utf-8", "replace") for value in bound.values]
            pgconn.send_query_params(bound.sql.encode("utf-8", "replace"), values)
            pgconn.pipeline_sync()
        deadline = time.monotonic() + _GRACE + max(query.timeout for query in queries)
        while pgconn.flush():
            _wait(pgconn, deadline, writing=True)
    except Exception as error:
        raise _LostError(_words(error)) from error


def _receive(connection: psycopg.Connection[Any], query: Query, mark: float, notices: list[Notice]) -> Answer:
    """Reads up to this query's sync; the settings' own result is looked at only when it failed."""
    error: QueryError | None = None
    rows: Rows | None = None
    first = len(notices)
    for index, result in enumerate(_results(connection.pgconn, mark + query.timeout + _GRACE)):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = error_of(result)
        elif index == 1 and result.status != pq.ExecStatus.PIPELINE_ABORTED:
            rows = Rows(
                columns=columns_of(result),
                rows=rows_of(result, connection, query.max_rows),
                truncated=result.ntuples > query.max_rows,
            )
    seconds = time.monotonic() - mark
    if error is not None:
        return QueryError(message=error.message, sqlstate=error.sqlstate, hint=error.hint, seconds=seconds)
    if rows is None:
        return QueryError(message="the server sent no result", seconds=seconds)
    return Rows(
        columns=rows.columns,
        rows=rows.rows,
        seconds=seconds,
        notices=tuple(notices[first:]),
        truncated=rows.truncated,
    )


def _results(pgconn: Any, deadline: float) -> Iterator[PGresult]:
    """The results of one segment; the sync that ends it is swallowed."""
    empty = 0
    while True:
        result = _next(pgconn, deadline)
        if result is None:
            # A null ends each statement; two in a row mean that the connection has nothing more to say.
            empty += 1
            if empty > 1:
                raise _LostError(_words(pgconn.get_error_message()))
            continue
        empty = 0
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return
        yield result
        if pgconn.status == pq.ConnStatus.BAD:
            raise _LostError(_words(pgconn.get_error_message()))


def _next(pgconn: Any, deadline: float) -> PGresult | None:
    try:
        while pgconn.is_busy():
            _wait(pgconn, deadline, writing=False)
            pgconn.consume_input()
        found: PGresult | None = pgconn.get_result()
    except _LostError:
        raise
    except Exception as error:
        raise _LostError(_words(error)) from error
    return found


def _wait(pgconn: Any, deadline: float, *, writing: bool) -> None:
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN | (select.POLLOUT if writing else 0))
    if left <= 0 or not (ready := poll.poll(left * 1000)):
        raise _LostError("the server did not answer in time; the connection was given up")
    if writing and ready[0][1] & select.POLLIN:
        pgconn.consume_input()


def _milliseconds(seconds: float) -> bytes:
    return b"%d" % max(1, round(seconds * 1000))


def _words(error: object) -> str:
    return " ".join(str(error).split()) or "the connection to the server was lost"


def error_of(result: PGresult) -> QueryError:
    """The server's primary message, its code and its hint."""
    return QueryError(
        message=_field(result, pq.DiagnosticField.MESSAGE_PRIMARY) or "the server reported an error without a text",
        sqlstate=_field(result, pq.DiagnosticField.SQLSTATE),
        hint=_field(result, pq.DiagnosticField.MESSAGE_HINT),
    )


def notice_of(result: PGresult) -> Notice:
    """A notice with its unlocalised severity (NOTICE, WARNING, …)."""
    return Notice(
        severity=_field(result, pq.DiagnosticField.SEVERITY_NONLOCALIZED),
        sqlstate=_field(result, pq.DiagnosticField.SQLSTATE),
        message=_field(result, pq.DiagnosticField.MESSAGE_PRIMARY),
    )


def _field(result: PGresult, field: pq.DiagnosticField) -> str:
    return (result.error_field(field) or b"").decode("utf-8", "replace")
