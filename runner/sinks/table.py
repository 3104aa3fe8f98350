"""The sink `table`: a row for each result in a table of PostgreSQL, with the report as jsonb."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import conninfo, sql

from runner.api import Options, Report, RetryableSinkError, Secret, SinkContext, SinkError, revealed
from runner.model.secret import mask
from runner.sinks.events import document_of
from runner.template import clean

DEFAULT_TABLE = "runner_reports"
_COLUMNS = ("report", "result", "group_name", "job", "target", "state", "summary", "slot", "finished", "document")
_MAKE = """
create table if not exists {table} (
  report text not null,
  result text not null,
  group_name text not null,
  job text not null,
  target text not null,
  state text not null,
  summary text not null,
  slot timestamptz not null,
  finished timestamptz not null,
  document jsonb not null,
  received timestamptz not null default now(),
  primary key (report, result)
)
"""
_USELESS = ("22", "23", "42703", "42804", "42P10")
"""SQLSTATEs after which another try fails the same way: what the report holds, or a table that is not ours."""


class ReportTable:
    """A connection for each report; a report that comes again changes nothing."""

    def __init__(self, dsn: Mapping[str, Any], options: Options, context: SinkContext) -> None:
        self._dsn, self._context = dsn, context
        self._create = bool(options.get("create", True))
        self._name = str(options.get("table", DEFAULT_TABLE))
        self._table = sql.Identifier(*self._name.split("."))
        self._secrets = tuple(Secret(str(value)) for key, value in dsn.items() if "password" in key)

    def emit(self, report: Report) -> None:
        """All rows of the report in one transaction; raises RetryableSinkError, or SinkError for another's table."""
        rows = list(_rows(document_of(report, self._context)))
        if self._context.dry_run:
            return
        try:
            with psycopg.connect(**self._dsn) as connection:
                self._limit(connection)
                self._insert(connection, rows)
        except psycopg.Error as error:
            raise self._explained(error) from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _limit(self, connection: psycopg.Connection[Any]) -> None:
        milliseconds = str(max(int(self._context.timeout * 1000), 1))
        connection.execute(
            "select set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
            (milliseconds, milliseconds),
        )

    def _insert(self, connection: psycopg.Connection[Any], rows: list[tuple[str, ...]]) -> None:
        if self._create and not self._exists(connection):
            connection.execute(sql.SQL(_MAKE).format(table=self._table))
        insert = sql.SQL("insert into {} ({}) values ({}) on conflict (report, result) do nothing").format(
            self._table,
            sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)),
            sql.SQL(", ").join(sql.Placeholder() * len(_COLUMNS)),
        )
        with connection.cursor() as cursor:
            cursor.executemany(insert, rows)

    def _exists(self, connection: psycopg.Connection[Any]) -> bool:
        """Asked first: a role that may only insert must not be refused because of a table that is there."""
        found = connection.execute("select to_regclass(%s)", (self._table.as_string(connection),)).fetchone()
        return found is not None and found[0] is not None

    def _explained(self, error: psycopg.Error) -> SinkError:
        state = error.sqlstate or ""
        reason = mask(clean(error.diag.message_primary or str(error), limit=300), self._secrets)
        message = f"the table {self._name} takes no rows: {reason}"
        if state.startswith(_USELESS):
            return SinkError(message, hint="give the sink a table of its own with `table:`")
        if state == "42501":
            hint = f"grant insert, select on {self._name} to {self._dsn.get('user', 'the role')};"
            return RetryableSinkError(message, hint=hint)
        if state in ("42P01", "3F000"):
            return RetryableSinkError(message, hint="docs/reports.md has the `create table` to run as its owner")
        return RetryableSinkError(message, hint="look whether the server runs and lets this role in")


def open_table(options: Options, context: SinkContext) -> ReportTable:
    """Raises SinkError, without the text, when `dsn` cannot be read."""
    given = options["dsn"]
    try:
        dsn = conninfo.conninfo_to_dict(revealed(given))
    except psycopg.ProgrammingError:
        # libpq quotes what it cannot read, and that may be the password.
        raise SinkError(
            f"the `dsn` of the sink `{context.name}` cannot be read",
            hint="for example postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %-escapes in the password",
        ) from None
    seconds = max(int(context.timeout), 2)
    limits = {"connect_timeout": seconds, "tcp_user_timeout": seconds * 1000, "application_name": "runner"}
    return ReportTable({**limits, **dsn}, options, context)


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """One for each result, with the document of the report as if it had only this result."""
    for result in document["results"] or [_NO_RESULT]:
        whole = {**document, "results": [result] if result is not _NO_RESULT else []}
        finished = result["finished"] or document["created"]
        yield tuple(
            _storable(text)
            for text in (
                document["id"], result["key"], document["group"], result["job"], result["target"],
                result["state"], result["summary"], document["slot"], finished,
                json.dumps(_storable(whole), ensure_ascii=False),
            )
        )  # fmt: skip


_NO_RESULT: Mapping[str, str] = {
    "key": "", "job": "", "target": "", "state": "unknown", "summary": "no results", "finished": "",
}  # fmt: skip


def _storable(value: Any) -> Any:
    """PostgreSQL holds every text but those with a NUL character."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
