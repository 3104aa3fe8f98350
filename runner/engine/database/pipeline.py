"""Many read-only queries on one connection in one round trip, each alone with its errors and its timeout.

Every query travels with its own settings and its own sync message, so each is an implicit transaction:
PostgreSQL documentation, "libpq: Pipeline Mode" and "Protocol Flow: Pipelining".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from runner.engine.database import libpq
from runner.engine.database.answered import Answered, in_words
from runner.engine.database.bound import bound_query
from runner.engine.database.connection import Connection, ConnectionLostError, NoAnswerError
from runner.engine.database.result import Result
from runner.model.query import Answer, Notice, Query, QueryError
from runner.model.sql_text import BoundQuery

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

GIVEN_UP = "the server did not answer in time; the connection was given up"

_IN_FAILED_TRANSACTION = "25P02"


class _LostError(Exception):
    """The connection is of no more use; `answer` is what is known of the query that was being answered."""

    def __init__(self, answer: QueryError) -> None:
        super().__init__(answer.message)
        self.answer = answer


def ask(connection: Connection, queries: Sequence[Query], lock_timeout: float) -> list[Answer]:
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


def _ask_window(connection: Connection, queries: Sequence[Query], lock_timeout: float) -> list[Answer]:
    answers: list[Answer] = []
    notices: list[Notice] = []
    connection.on_notice = lambda result: notices.append(result.notice())
    bound = [_bound(query) for query in queries]
    sent = True
    try:
        # The server may have begun with the first before the last is sent.
        begun = time.monotonic()
        sent = _send(connection, queries, bound, lock_timeout)
        for query, one in zip(queries, bound, strict=True):
            answers.append(one if isinstance(one, QueryError) else _receive(connection, query, begun, notices))
            begun = time.monotonic()
        connection.end_pipeline()
    except _LostError as lost:
        if sent or lost.answer.sqlstate or len(queries) == 1:
            answers.append(lost.answer)
        connection.close()
    finally:
        connection.on_notice = None
    return answers if connection.closed else _out_of_transaction(connection, answers)


def _bound(query: Query) -> BoundQuery | QueryError:
    try:
        return bound_query(query.sql, query.params)
    except Exception as error:
        return QueryError(message=in_words(error))


def _out_of_transaction(connection: Connection, answers: list[Answer]) -> list[Answer]:
    """A query that opened a transaction (`begin`) must not keep it, nor spoil the answers of the others."""
    if connection.is_idle:
        return answers
    connection.close()
    spoilt = (index for index, answer in enumerate(answers) if _sqlstate(answer) == _IN_FAILED_TRANSACTION)
    return answers[: max(1, next(spoilt, len(answers)))]


def _sqlstate(answer: Answer) -> str:
    return answer.sqlstate if isinstance(answer, QueryError) else ""


def _send(
    connection: Connection, queries: Sequence[Query], bound: Sequence[BoundQuery | QueryError], lock_timeout: float
) -> bool:
    """Whether everything was sent: a server can end the connection meanwhile."""
    try:
        connection.begin_pipeline()
        for query, one in zip(queries, bound, strict=True):
            if isinstance(one, QueryError):
                continue
            connection.send(_SETTINGS, [_milliseconds(query.timeout), _milliseconds(lock_timeout)])
            connection.send(*one.encoded())
            connection.sync()
        connection.flush(time.monotonic() + _GRACE + max(query.timeout for query in queries))
    except NoAnswerError:
        raise _lost(GIVEN_UP) from None
    except ConnectionLostError as error:
        # What the server answered before, and why it ended the connection, may still be read.
        if not connection.is_bad:
            raise _lost(error) from error
        return False
    return True


def _receive(connection: Connection, query: Query, begun: float, notices: list[Notice]) -> Answer:
    """Reads up to this query's sync; the settings' own result is looked at only when it failed."""
    error: QueryError | None = None
    answered = Answered(query.max_rows)
    first = len(notices)
    try:
        for statement, result in _results(connection, time.monotonic() + query.timeout + _GRACE):
            if result.status == libpq.FATAL_ERROR:
                error = result.error()
            elif statement == 1 and result.status != libpq.PIPELINE_ABORTED:
                answered.add(result)
    except _LostError as lost:
        # The server's own last words say more than the library's.
        raise _LostError(error or lost.answer) from None
    seconds = time.monotonic() - begun
    answer = error or answered.answer()
    if isinstance(answer, QueryError):
        return replace(answer, seconds=seconds)
    return replace(answer, seconds=seconds, notices=tuple(notices[first:]))


def _results(connection: Connection, deadline: float) -> Iterator[tuple[int, Result]]:
    """The results of one segment with their statement's place in it; the sync that ends it is swallowed."""
    empty = statement = 0
    while True:
        result = _next(connection, deadline)
        if result is None:
            # A null ends each statement; two in a row mean that the connection has nothing more to say.
            empty += 1
            if empty > 1:
                raise _lost(connection.error())
            statement += 1
            if statement == 1:
                connection.keep_rows_small(_CHUNK)
            continue
        empty = 0
        if result.status == libpq.PIPELINE_SYNC:
            return
        if result.status in libpq.COPYING:
            raise _lost("the server wants to copy rows, which is no answer to a query: use select instead of copy")
        yield statement, result
        if connection.is_bad:
            raise _lost(connection.error())


def _next(connection: Connection, deadline: float) -> Result | None:
    try:
        return connection.next_result(deadline)
    except NoAnswerError:
        raise _lost(GIVEN_UP) from None
    except ConnectionLostError as error:
        raise _lost(error) from error


def _lost(why: object) -> _LostError:
    return _LostError(QueryError(message=str(why)))


def _milliseconds(seconds: float) -> bytes:
    return b"%d" % max(1, round(seconds * 1000))
