"""Advice about SQL: statements that write where only reading is possible, and results without a bound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from runner.compile.lint.places import advice, document, items, queries_of, scalars, section
from runner.kinds.check.spec import CheckSpec
from runner.kinds.maintenance.spec import MaintenanceSpec
from runner.model.diagnostic import Diagnostic
from runner.model.job import Job
from runner.model.node import Scalar
from runner.model.sql_text import bare

_FIRST = re.compile(r"\A[\s(]*(?P<verb>[a-z]+)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"insert|update|delete|merge|truncate|alter|create|drop|vacuum|analyze|reindex|cluster|grant|revoke|refresh|comment"
    r"|lock"
)
_CHANGES: Final = r"insert|update|delete|merge"
# The verb of a common table expression, and the one behind the last of them.
_IN_WITH = re.compile(rf"\bas\s+(?:(?:not\s+)?materialized\s+)?\(\s*(?P<verb>{_CHANGES})\b", re.IGNORECASE)
_AFTER_WITH = re.compile(rf"\)\s*(?P<verb>{_CHANGES})\s+(?:into|from|only|\w+\s+set)\b", re.IGNORECASE)
_LOCKING = re.compile(r"\bfor\s+(?P<verb>(?:no\s+key\s+)?update|(?:key\s+)?share)\b", re.IGNORECASE)

# System relations with a row for each table, column, function, lock or statement of a database.
_LARGE = re.compile(
    r"\bfrom\s+(?:only\s+)?(?:pg_catalog\.|information_schema\.)?(?P<relation>pg_class|pg_attribute|pg_index|pg_proc|pg_depend"
    r"|pg_constraint|pg_type|pg_statistic|pg_stats|pg_tables|pg_indexes|pg_views|pg_sequences|pg_locks|pg_stat_statements"
    r"|pg_(?:stat|statio)_(?:all|sys|user|xact_all|xact_sys|xact_user)_(?:tables|indexes|sequences|functions)"
    r"|(?<=information_schema\.)(?:tables|columns|table_constraints|key_column_usage|routines|views))\b",
    re.IGNORECASE,
)
_BOUNDED = re.compile(
    r"\b(?:where|limit|fetch|group\s+by|having|distinct|join\s+lateral|(?:count|sum|min|max|avg|bool_or|bool_and|every"
    r"|string_agg|array_agg)\s*\()",
    re.IGNORECASE,
)


def about_statements(job: Job) -> Iterator[Diagnostic]:
    """The SQL of checks and of everything that is only read."""
    for scalar in _reading(job):
        verb = _writing_verb(str(scalar.value))
        if verb is not None:
            message = f"`{' '.join(verb['verb'].lower().split())}` cannot run here: this is only ever read"
            hint = "what changes something is a step of a `maintenance:` job: `- sql: …`"
            yield advice("sql-writes", scalar.locate(*verb.span("verb")), message, hint)
    if isinstance(job.spec, CheckSpec) and job.spec.rule.key:
        for scalar in scalars(document(job).get("sql")):
            yield from _unbounded(scalar)


def _reading(job: Job) -> Iterator[Scalar]:
    node = document(job)
    for key in ("applies_if", "precondition"):
        yield from scalars(node.get(key))
    if isinstance(job.spec, CheckSpec):
        for key in ("sql", "detail"):
            yield from scalars(node.get(key))
    if isinstance(job.spec, MaintenanceSpec):
        yield from scalars(section(node, "measure").get("sql"))
        for step in items(node.get("steps")):
            for query in queries_of(step):
                yield from scalars(query)


def _writing_verb(sql: str) -> re.Match[str] | None:
    text = bare(sql)
    first = _FIRST.match(text)
    if first is None:
        return None
    verb = first["verb"].lower()
    if _WRITES.fullmatch(verb):
        return first
    if verb == "with":
        return _IN_WITH.search(text) or _AFTER_WITH.search(text) or _LOCKING.search(text)
    return _LOCKING.search(text) if verb == "select" else None


def _unbounded(scalar: Scalar) -> Iterator[Diagnostic]:
    text = bare(str(scalar.value))
    found = _LARGE.search(text)
    if found and not _BOUNDED.search(text):
        message = f"this returns every row of `{found['relation'].lower()}`, however many there are"
        hint = "keep what matters, with `where`, or with `order by … limit 200`"
        yield advice("unbounded-result", scalar.locate(*found.span("relation")), message, hint)
