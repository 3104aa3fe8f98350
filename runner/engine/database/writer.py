"""A connection for jobs that change data: one statement at a time, outside of any transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from runner.engine.database import libpq
from runner.engine.database.answered import Answered
from runner.engine.database.bound import bound_query
from runner.engine.database.connect import connect
from runner.engine.database.connection import ConnectionLostError
from runner.errors import RunnerError
from runner.model.query import Answer, Notice, Query, QueryError
from runner.model.sql_text import BoundQuery
from runner.model.target import Target


class Writer:
    """Implements the plugin API's Session; `stop()` may be called from another thread."""

    def __init__(self, target: Target, database: str, *, purpose: str, lock_timeout: float) -> None:
        self._connection = connect(target, database, purpose=purpose)
        self._notices: list[Notice] = []
        self._shielded = False
        self._connection.on_notice = lambda result: self._notices.append(result.notice())
        self.execute("select set_config('lock_timeout', :wait, false)", {"wait": f"{lock_timeout:.3f}s"})

    def execute(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        timeout: float | None = None,
        shielded: bool = False,
    ) -> Answer:
        """Runs one statement alone; with `timeout` the server is asked to cancel it after so many seconds."""
        self._shielded = shielded
        try:
            return self._limited(sql, params or {}, timeout)
        finally:
            self._shielded = False

    def _limited(self, sql: str, params: Mapping[str, object], timeout: float | None) -> Answer:
        if timeout is not None:
            limited = self._run(f"set statement_timeout = {max(1, round(timeout * 1000))}", {})
            if isinstance(limited, QueryError):
                return limited
        answer = self._run(sql, params)
        if timeout is not None and not self._connection.closed:
            self._run("set statement_timeout = 0", {})
        return answer

    def cancel(self) -> None:
        """Cancels the statement that is running on the server."""
        self._connection.cancel()

    def stop(self) -> None:
        """The same for a run that is stopped; what is shielded goes on."""
        if not self._shielded:
            self.cancel()

    def close(self) -> None:
        self._connection.close()

    def _run(self, sql: str, params: Mapping[str, object]) -> Answer:
        self._notices.clear()
        try:
            bound = bound_query(sql, params)
        except RunnerError as error:
            return QueryError(message=error.message)
        start = time.monotonic()
        try:
            answer = self._answer(bound)
        except ConnectionLostError as error:
            answer = QueryError(message=str(error))
        seconds = time.monotonic() - start
        if isinstance(answer, QueryError):
            return replace(answer, seconds=seconds)
        return replace(answer, seconds=seconds, notices=tuple(self._notices))

    def _answer(self, bound: BoundQuery) -> Answer:
        """Without values by the simple protocol, which takes several statements at once."""
        sql, values = bound.encoded()
        if values:
            self._connection.send(sql, values)
        else:
            self._connection.send_simply(sql)
        result = self._connection.last_result()
        if result.status == libpq.FATAL_ERROR:
            return result.error()
        answered = Answered(Query(sql=bound.sql).max_rows)
        answered.add(result)
        return answered.answer()
