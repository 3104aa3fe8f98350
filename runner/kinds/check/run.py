"""Runs a check as a conversation: its queries, then its judgement, its detail and its trend."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from runner.api import (
    Answer,
    Conversation,
    Job,
    Outcome,
    Past,
    Query,
    QueryError,
    Rows,
    RunContext,
    Series,
    Table,
    TargetError,
    Trend,
    unknown,
)
from runner.expr import Unknown, quantity
from runner.judge import needs
from runner.kinds.check.outcome import Looked, evaluate
from runner.kinds.check.spec import CheckSpec
from runner.model.history import Sample
from runner.model.sql_variants import SqlVariants

DETAIL_ROWS = 20
TREND_SPAN = timedelta(days=30)
TREND_SERIES = 12

Steps = Generator[Sequence[Query], Sequence[Answer], Any]


def converse(context: RunContext, job: Job) -> Conversation:
    """Yields the queries of every database to visit, and returns the outcome."""
    spec = cast("CheckSpec", job.spec)
    server = context.server
    if isinstance(server, TargetError) and not spec.survives_unreachable:
        return unknown(str(server), hint=server.hint)
    looked = yield from (_probe_rows(context, spec) if spec.probe else _sql_rows(context, job, spec))
    wanted = needs(spec.rule)
    outcome = evaluate(
        spec,
        looked,
        past=context.history.past(job.name, _target(context), wanted, context.now) if wanted else Past(),
        memory=context.memory,
        params=context.params,
        now=context.now,
        target=_target(context),
    )
    detail = yield from _detail(context, job, spec)
    return replace(outcome, tables=(*outcome.tables, *detail), trends=_trends(context, job, spec, outcome))


def _target(context: RunContext) -> str:
    return context.target.name if context.target else ""


def _sql_rows(context: RunContext, job: Job, spec: CheckSpec) -> Generator[Sequence[Query], Sequence[Answer], Looked]:
    sql = _variant(context, spec.sql)
    if sql is None:
        lowest = spec.sql.lowest if spec.sql else 0
        return Looked(tables={}, blind={"": f"has no SQL for this server: it begins with PostgreSQL {lowest}"})
    databases = context.databases
    answers = yield [
        Query(sql=sql, params=context.params, database=database, timeout=job.statement_timeout)
        for database in databases
    ]
    found = {name: _with_columns(answer) for name, answer in zip(databases, answers, strict=True)}
    return Looked(
        tables={name: answer for name, answer in found.items() if isinstance(answer, Rows)},
        blind={name: _why(answer) for name, answer in found.items() if isinstance(answer, QueryError)},
    )


def _with_columns(answer: Answer) -> Answer:
    """A statement that has no result (`do`, `set`, a comment) has looked at nothing."""
    if isinstance(answer, Rows) and not answer.columns:
        return QueryError(message="the SQL returns no columns, so there is nothing to judge")
    return answer


def _why(error: QueryError) -> str:
    if error.sqlstate == "57014":
        return "the query took longer than its statement_timeout"
    if error.sqlstate == "55P03":
        return "the query waited for a lock longer than its lock_timeout"
    if error.sqlstate == "42501":
        return f"{error.message}: the role lacks a grant (runner doctor prints the SQL)"
    return str(error)


def _probe_rows(context: RunContext, spec: CheckSpec) -> Generator[Sequence[Query], Sequence[Answer], Looked]:
    rows = list((yield from context.probe(spec.probe, spec.probe_options)))
    # No rows have no columns to be missing: a probe that found nothing has looked all the same.
    columns = tuple(dict.fromkeys(name for row in rows for name in row)) or spec.rule.key
    table = Rows(columns=columns, rows=tuple(tuple(row.get(name) for name in columns) for row in rows))
    return Looked(tables={"": table})


def _variant(context: RunContext, sql: SqlVariants | None) -> str | None:
    server = context.server
    if sql is None or server is None or isinstance(server, TargetError):
        return None
    return sql.pick(server.major)


def _detail(
    context: RunContext, job: Job, spec: CheckSpec
) -> Generator[Sequence[Query], Sequence[Answer], tuple[Table, ...]]:
    sql = _variant(context, spec.detail)
    if sql is None:
        return ()
    databases = context.databases
    answers = yield [
        Query(sql=sql, params=context.params, database=name, timeout=job.statement_timeout, max_rows=1000)
        for name in databases
    ]
    tables = [
        detail_table(database, answer, spec.rule.kinds)
        for database, answer in zip(databases, answers, strict=True)
        if isinstance(answer, QueryError) or answer.rows
    ]
    return tuple(tables)


def detail_table(database: str, answer: Answer, kinds: Mapping[str, str]) -> Table:
    """The first rows as text; an error is the table's only row, so that it is seen."""
    if isinstance(answer, QueryError):
        return Table(title=database, columns=("detail",), rows=((f"not available: {answer}",),))
    shown = answer.rows[:DETAIL_ROWS]
    rows = tuple(
        tuple(_cell(value, kinds.get(name)) for name, value in zip(answer.columns, row, strict=True)) for row in shown
    )
    numeric = frozenset(
        name for index, name in enumerate(answer.columns) if any(_is_number(row[index]) for row in shown)
    )
    return Table(title=database, columns=answer.columns, rows=rows, numeric=numeric, more=len(answer.rows) - len(shown))


def _is_number(value: object) -> bool:
    return not isinstance(value, (str, bool, bytes, list, type(None)))


def _cell(value: object, kind: str | None) -> str:
    if value is None:
        return ""
    if kind is None and isinstance(value, int):
        # A process id is no quantity: it stands as the server sent it.
        return str(value)
    found = quantity(value, kind)
    return str(value) if found is None or isinstance(found, Unknown) else str(found)


def _trends(context: RunContext, job: Job, spec: CheckSpec, outcome: Outcome) -> tuple[Trend, ...]:
    if not spec.trend:
        return ()
    past = context.history.trend(job.name, _target(context), spec.trend, context.now - TREND_SPAN)
    now: dict[Series, Sample] = {
        seen.series: Sample(context.now, seen.values.get(spec.trend)) for seen in outcome.observations
    }
    return tuple(
        Trend(column=spec.trend, series=series, samples=(*past.get(series, ()), sample))
        for series, sample in list(now.items())[:TREND_SERIES]
        if sample.value is not None
    )
