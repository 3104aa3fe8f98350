"""Many read-only queries on one connection in one round trip, each alone with its errors and its timeout.

Every query travels with its own settings and its own sync message, so each is an implicit transaction:
PostgreSQL documentation, "libpq: Pipeline Mode" and "Protocol Flow: Pipelining".
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

from runner.engine.database.bound import bound_query
from runner.engine.database.cells import Answered
from runner.model.query import Answer, Notice, Query, QueryError
from runner.model.sql_text import BoundQuery

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

# Compiling costs seconds where the planner overestimates catalogue queries, and never saves as much.
_SETTINGS = (
    b"select set_config('transaction_read_only', 'on', true), set_config('jit', 'off', true),"
    b" set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)"
)
# More than this in flight gains nothing and holds every answer in memory at once.
_WINDOW = 64
_GRACE = 5.0
"""Seconds beyond its statement_timeout after which a silent server is given up."""

_CHUNK = 2000
"""Rows that arrive together: what is beyond `max_rows` is dropped piece by piece and never held as a whole."""
_IN_CHUNKS = pq.version() >= 170000

GIVEN_UP = "the server did not answer in time; the connection was given up"

_COPYING = frozenset({pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH})
_IN_FAILED_TRANSACTION = "25P02"


class _LostError(Exception):
    """The connection is of no more use; `answer` is what is known of the query that was being answered."""

    def __init__(self, answer: QueryError) -> None:
        super().__init__(answer.message)
        self.answer = answer


def ask(connection: psycopg.Connection[Any], queries: Sequence[Query], lock_timeout: float) -> list[Answer]:
    """The answers in the order of the queries; never raises for what the server does.

    Fewer answers than queries mean that the connection was lost with the last of them and is closed: the others can
    be asked on a new one. While several are still being sent nobody is blamed for a loss that the server does not explain.
    """
    answers: list[Answer] = []
    for start in range(0, len(queries), _WINDOW):
        part = queries[start : start + _WINDOW]
        answers.extend(_ask_window(connection, part, lock_timeout))
        if connection.closed:
            break
    return answers


def _ask_window(connection: psycopg.Connection[Any], queries: Sequence[Query], lock_timeout: float) -> list[Answer]:
    answers: list[Answer] = []
    notices: list[Notice] = []
    pgconn = connection.pgconn
    pgconn.notice_handler = lambda result: notices.append(notice_of(result))
    bound = [_bound(query) for query in queries]
    sent = True
    try:
        sent = _send(pgconn, queries, bound, lock_timeout)
        mark = time.monotonic()
        for query, one in zip(queries, bound, strict=True):
            answers.append(one if isinstance(one, QueryError) else _receive(connection, query, mark, notices))
            mark = time.monotonic()
        pgconn.exit_pipeline_mode()
    except _LostError as lost:
        if sent or lost.answer.sqlstate or len(queries) == 1:
            answers.append(lost.answer)
        connection.close()
    finally:
        pgconn.notice_handler = None
    return answers if connection.closed else _out_of_transaction(connection, answers)


def _bound(query: Query) -> BoundQuery | QueryError:
    try:
        return bound_query(query.sql, query.params)
    except Exception as error:
        return QueryError(message=_words(error))


def _out_of_transaction(connection: psycopg.Connection[Any], answers: list[Answer]) -> list[Answer]:
    """A query that opened a transaction (`begin`) must not keep it, nor spoil the answers of the others."""
    if connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
        return answers
    connection.close()
    spoilt = (index for index, answer in enumerate(answers) if _sqlstate(answer) == _IN_FAILED_TRANSACTION)
    return answers[: max(1, next(spoilt, len(answers)))]


def _sqlstate(answer: Answer) -> str:
    return answer.sqlstate if isinstance(answer, QueryError) else ""


def _send(pgconn: Any, queries: Sequence[Query], bound: Sequence[BoundQuery | QueryError], lock_timeout: float) -> bool:
    """Whether everything was sent: a server can end the connection meanwhile."""
    try:
        pgconn.nonblocking = 1
        pgconn.enter_pipeline_mode()
        for query, one in zip(queries, bound, strict=True):
            if isinstance(one, QueryError):
                continue
            pgconn.send_query_params(_SETTINGS, [_milliseconds(query.timeout), _milliseconds(lock_timeout)])
            values = [None if value is None else value.encode("utf-8", "replace") for value in one.values]
            pgconn.send_query_params(one.sql.encode("utf-8", "replace"), values)
            pgconn.pipeline_sync()
        deadline = time.monotonic() + _GRACE + max(query.timeout for query in queries)
        while pgconn.flush():
            _wait(pgconn, deadline, writing=True)
    except _LostError:
        raise
    except Exception as error:
        # What the server answered before, and why it ended the connection, may still be read.
        if pgconn.status != pq.ConnStatus.BAD:
            raise _lost(error) from error
        return False
    return True


def _receive(connection: psycopg.Connection[Any], query: Query, mark: float, notices: list[Notice]) -> Answer:
    """Reads up to this query's sync; the settings' own result is looked at only when it failed."""
    error: QueryError | None = None
    answered = Answered(connection, query.max_rows)
    first = len(notices)
    try:
        for statement, result in _results(connection.pgconn, mark + query.timeout + _GRACE):
            if result.status == pq.ExecStatus.FATAL_ERROR:
                error = error_of(result)
            elif statement == 1 and result.status != pq.ExecStatus.PIPELINE_ABORTED:
                answered.add(result)
    except _LostError as lost:
        # The server's own last words say more than the library's.
        raise _LostError(error or lost.answer) from None
    seconds = time.monotonic() - mark
    answer = error or answered.answer()
    if isinstance(answer, QueryError):
        return replace(answer, seconds=seconds)
    return replace(answer, seconds=seconds, notices=tuple(notices[first:]))


def _results(pgconn: Any, deadline: float) -> Iterator[tuple[int, PGresult]]:
    """The results of one segment with their statement's place in it; the sync that ends it is swallowed."""
    empty = statement = 0
    while True:
        result = _next(pgconn, deadline)
        if result is None:
            # A null ends each statement; two in a row mean that the connection has nothing more to say.
            empty += 1
            if empty > 1:
                raise _lost(pgconn.get_error_message())
            statement += 1
            if statement == 1 and _IN_CHUNKS:
                with suppress(psycopg.Error):
                    pgconn.set_chunked_rows_mode(_CHUNK)
            continue
        empty = 0
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return
        if result.status in _COPYING:
            raise _lost("the server wants to copy rows, which is no answer to a query: use select instead of copy")
        yield statement, result
        if pgconn.status == pq.ConnStatus.BAD:
            raise _lost(pgconn.get_error_message())


def _next(pgconn: Any, deadline: float) -> PGresult | None:
    try:
        while pgconn.is_busy():
            _wait(pgconn, deadline, writing=False)
            pgconn.consume_input()
        found: PGresult | None = pgconn.get_result()
    except _LostError:
        raise
    except Exception as error:
        raise _lost(error) from error
    return found


def _wait(pgconn: Any, deadline: float, *, writing: bool) -> None:
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN | (select.POLLOUT if writing else 0))
    if left <= 0 or not (ready := poll.poll(left * 1000)):
        raise _lost(GIVEN_UP)
    if writing and ready[0][1] & select.POLLIN:
        pgconn.consume_input()


def _lost(why: object) -> _LostError:
    return _LostError(QueryError(message=_words(why)))


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
