"""Advice about declared columns: those that no query returns, and those that nothing looks at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from runner.compile.lint.places import advice, document, items, section
from runner.expr import Expression, facts
from runner.kinds.check.columns import named_columns
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic, Span
from runner.model.job import Job
from runner.model.suggest import did_you_mean

_WORD = re.compile(r"\w+")
# Where these come from another file than the column, the author of the column used it.
_USERS = ("warning", "critical", "clear", "message", "summary", "hint", "computed", "show", "trend", "key", "sql")


def about_columns(jobs: Iterable[Job]) -> Iterator[Diagnostic]:
    """Keys at the top of a file are shared: a column is complained about when it is of no use to any of its jobs."""
    checks = [(job, job.spec) for job in jobs if isinstance(job.spec, CheckSpec)]
    for name, span, spec in _useless(checks, lambda job: (*_declared(job), *_excepted(job)), _is_returned):
        hint = did_you_mean(name, named_columns(spec.sql.variants.values()) or ()) if spec.sql else ""
        yield advice(
            "unknown-column", span, f"no query returns a column `{name}`", hint or "remove it, or mend the name"
        )
    for name, span, _ in _useless(
        checks, _own, lambda name, spec: _is_used(name, spec) or not _is_returned(name, spec)
    ):
        message = f"`{name}` is declared and used nowhere"
        yield advice("unused-column", span, message, "name it in a threshold or in `message:`, or remove it")


def _useless(
    checks: Iterable[tuple[Job, CheckSpec]],
    named: Callable[[Job], Iterable[tuple[str, Span]]],
    is_useful: Callable[[str, CheckSpec], bool],
) -> Iterator[tuple[str, Span, CheckSpec]]:
    """The names that are not useful to any of the jobs that have them from the same place."""
    useless: dict[Span, tuple[str, CheckSpec]] = {}
    useful: set[Span] = set()
    for job, spec in checks:
        for name, span in named(job):
            if is_useful(name, spec):
                useful.add(span)
            else:
                useless[span] = name, spec
    for span, (name, spec) in useless.items():
        if span not in useful:
            yield name, span, spec


def _declared(job: Job) -> Iterator[tuple[str, Span]]:
    for name, entry in section(document(job), "columns").entries.items():
        yield name, entry.key_span


def _excepted(job: Job) -> Iterator[tuple[str, Span]]:
    for item in items(document(job).get("except")):
        yield from ((name, entry.key_span) for name, entry in item.entries.items() if name != "reason")


def _own(job: Job) -> Iterator[tuple[str, Span]]:
    """The declared columns of which everything that could use them stands in the same file."""
    for name, span in _declared(job):
        if all(job.origins[key].file == span.file for key in _USERS if key in job.origins):
            yield name, span


def _is_returned(name: str, spec: CheckSpec) -> bool:
    known = named_columns(spec.sql.variants.values()) if spec.sql else None
    return known is None or name in known or name in spec.rule.computed


def _is_used(name: str, spec: CheckSpec) -> bool:
    # Without a message the report lists every declared column.
    if not spec.message or name in {*spec.rule.key, *spec.show, spec.trend}:
        return True
    if any(name in exception for exception in spec.rule.exceptions):
        return True
    details = spec.detail.variants.values() if spec.detail else ()
    if any(name in _WORD.findall(text) for text in (spec.message, spec.summary, spec.hint, *details)):
        return True
    return any(name in _named(expression) for expression in spec.rule.expressions)


def _named(expression: Expression) -> frozenset[str]:
    found = facts(expression)
    return found.columns | {need.column for need in found.needs}
