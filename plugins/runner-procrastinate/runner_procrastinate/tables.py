"""What a tick asks of Procrastinate's tables, on a connection that lasts as long as the question."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager
from procrastinate.sql import queries
from psycopg import errors

from runner.api import Batch, ExecutorError
from runner_procrastinate.names import TASK, queue_name

STALLED_SECONDS: Final = 20.0
"""A worker that was not heard of for so long is dead: what it had goes to another."""
_CONNECT_SECONDS: Final = 5
_STATEMENT: Final = "set statement_timeout = '60s'; set lock_timeout = '15s'"
_WAVES: Final = """
    select distinct args->'batch'->>'wave' as wave from procrastinate_jobs
    where task_name = %(task)s and status in ('todo', 'doing')
"""


class Tables:
    """Every error is an ExecutorError without a secret."""

    def __init__(self, dsn: str, prefix: str) -> None:
        self._dsn, self._prefix = dsn, prefix
        self._connector = SyncPsycopgConnector()
        self._jobs = App(connector=self._connector).job_manager

    def defer(self, batches: Sequence[Batch]) -> None:
        """All in one statement."""
        jobs = [
            Job(
                queue=queue_name(self._prefix, batch.queue),
                lock=self.lock(batch),
                queueing_lock=None,
                task_name=TASK,
                task_kwargs={"batch": batch.plain()},
            )
            for batch in batches
        ]
        with self._connection() as connection:
            self._jobs.batch_defer_jobs(jobs, connection=connection)

    def lock(self, batch: Batch) -> str:
        return f"{self._prefix}:{batch.lock}"

    def held(self, waves: Collection[str]) -> frozenset[str]:
        """Those that wait or are performed; what dead workers had waits again, and their locks are free."""
        with self._connection() as connection:
            self._free(connection)
            rows = self._all(connection, _WAVES, task=TASK)
        return frozenset(row["wave"] for row in rows) & frozenset(waves)

    def make(self) -> str:
        """Procrastinate's own tables, where they are missing."""
        with self._connection(known=False) as connection:
            if self._is_made(connection):
                return "Procrastinate's tables are there already"
            try:
                connection.execute(SchemaManager.get_schema())
            except errors.InsufficientPrivilege as error:
                raise ExecutorError(
                    f"Procrastinate's tables cannot be made: {_first_line(error)}",
                    hint="grant create on the schema to this role, or let its owner run `runner worker --setup`",
                ) from None
        return "Procrastinate's tables are made"

    def _free(self, connection: psycopg.Connection[Any]) -> None:
        stalled = self._all(
            connection,
            queries["select_stalled_jobs_by_heartbeat"],
            queue=None,
            task_name=TASK,
            seconds_since_heartbeat=STALLED_SECONDS,
        )
        for job in stalled:
            # Another tick may have been quicker.
            with _passing(errors.RaiseException):
                connection.execute("select procrastinate_retry_job_v2(%s, now(), null, null, null)", (job["id"],))

    def _all(self, connection: psycopg.Connection[Any], query: Any, **values: Any) -> list[dict[str, Any]]:
        return self._connector.execute_query_all_with_connection(connection, query, **values)

    @contextmanager
    def _connection(self, *, known: bool = True) -> Iterator[psycopg.Connection[Any]]:
        with (
            _explained(),
            psycopg.connect(
                self._dsn, autocommit=True, connect_timeout=_CONNECT_SECONDS, application_name="runner queue"
            ) as connection,
        ):
            connection.execute(_STATEMENT)
            if known and not self._is_made(connection):
                raise ExecutorError(
                    "the database of the queue has no tables of Procrastinate", hint="runner worker --setup"
                )
            yield connection

    @staticmethod
    def _is_made(connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute("select to_regclass('procrastinate_jobs')").fetchone()
        return row is not None and row[0] is not None


@contextmanager
def _passing(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind:
        return


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, ConnectorException) as error:
        raise explained(error) from None


def explained(error: BaseException) -> ExecutorError:
    """What the database or Procrastinate said, for an operator."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__ or error
    if isinstance(cause, psycopg.ProgrammingError) and cause.diag.sqlstate is None:
        # libpq quotes the text that it cannot read.
        return ExecutorError("the `dsn` of the executor cannot be read", hint="write postgresql://USER@HOST/DATABASE")
    if isinstance(cause, errors.UndefinedFunction | errors.UndefinedColumn):
        hint = "bring them up to date with Procrastinate's migrations"
        return ExecutorError(f"Procrastinate's tables are of another version: {_first_line(cause)}", hint=hint)
    if isinstance(cause, errors.InsufficientPrivilege):
        hint = "grant usage on the schema, and all on its tables and sequences, to this role"
        return ExecutorError(f"the queue cannot be used: {_first_line(cause)}", hint=hint)
    hint = "see whether its server runs and takes this role's connections"
    return ExecutorError(f"the queue cannot be reached: {_first_line(cause)}", hint=hint)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
