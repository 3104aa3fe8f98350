"""Consoles that speak PostgreSQL's protocol and are no PostgreSQL: statements one by one, in the simple protocol."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from runner.engine.database import libpq
from runner.engine.database.answered import Answered
from runner.engine.database.connect import connect
from runner.engine.database.connection import Connection, ConnectionLostError, NoAnswerError
from runner.errors import TargetError
from runner.model.query import Answer
from runner.model.target import Target

_MOST = 100_000


def ask_console(target: Target, statements: Sequence[str], timeout: float) -> list[Answer]:
    """The answers in the order of the statements, each within so many seconds. Raises TargetError."""
    with connect(target) as connection:
        try:
            return [_ask(connection, statement, timeout) for statement in statements]
        except NoAnswerError:
            wrong = "did not answer in time; the connection was given up"
        except ConnectionLostError as error:
            wrong = f"ended the connection: {error}"
    raise TargetError(f"{target.address} {wrong}")


def _ask(connection: Connection, statement: str, timeout: float) -> Answer:
    begin = time.monotonic()
    connection.send_simply(statement.encode())
    result = connection.last_result(begin + timeout)
    if result.status == libpq.FATAL_ERROR:
        return result.error()
    answered = Answered(_MOST)
    answered.add(result)
    return replace(answered.answer(), seconds=time.monotonic() - begin)
