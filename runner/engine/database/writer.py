"""A connection for jobs that change data: one statement at a time, outside of any transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg

from runner.engine.database.bound import bound_query
from runner.engine.database.cells import columns_of, rows_of
from runner.engine.database.connect import connect
from runner.engine.database.pipeline import error_of, notice_of
from runner.errors import RunnerError
from runner.model.query import Answer, Notice, Query, QueryError, Rows
from runner.model.target import Target


class Writer:
    """Implements the plugin API's Session; `stop()` may be called from another thread."""

    def __init__(self, target: Target, database: str, *, purpose: str, lock_timeout: float) -> None:
        self._connection: psycopg.Connection[Any] = connect(target, database, purpose=purpose)
        self._notices: list[Notice] = []
        self._shielded = False
        self._connection.pgconn.notice_handler = lambda result: self._notices.append(notice_of(result))
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
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=5.0)

    def stop(self) -> None:
        """The same for a run that is stopped; what is shielded goes on."""
        if not self._shielded:
            self.cancel()

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()

    def _run(self, sql: str, params: Mapping[str, object]) -> Answer:
        self._notices.clear()
        try:
            bound = bound_query(sql, params)
        except RunnerError as error:
            return QueryError(message=error.message)
        start = time.monotonic()
        try:
            cursor = psycopg.RawCursor(self._connection)
            cursor.execute(bound.sql, bound.values or None)
        except psycopg.Error as error:
            return self._error(error, time.monotonic() - start)
        result = cursor.pgresult
        return Rows(
            columns=columns_of(result) if result else (),
            rows=rows_of(result, self._connection, Query(sql=sql).max_rows) if result else (),
            seconds=time.monotonic() - start,
            notices=tuple(self._notices),
        )

    def _error(self, error: psycopg.Error, seconds: float) -> QueryError:
        if error.pgresult is not None:
            found = error_of(error.pgresult)
            return QueryError(message=found.message, sqlstate=found.sqlstate, hint=found.hint, seconds=seconds)
        return QueryError(message=" ".join(str(error).split()), sqlstate=error.sqlstate or "", seconds=seconds)
