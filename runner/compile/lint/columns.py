"""Advice about columns that are declared and then not looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runner.compile.lint.places import advice, document, section
from runner.expr import Expression, facts
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic, Span
from runner.model.job import Job

_WORD = re.compile(r"\w+")
# Where these come from another file than the column, the author of the column used it.
_USERS = ("warning", "critical", "clear", "message", "summary", "hint", "computed", "show", "trend", "key", "sql")


def unused_columns(jobs: Iterable[Job]) -> Iterator[Diagnostic]:
    """Columns that no job that shares their declaration looks at."""
    unused: dict[Span, str] = {}
    used: set[Span] = set()
    for job in jobs:
        for name, span in _declared(job):
            if isinstance(job.spec, CheckSpec) and not _is_used(name, job.spec):
                unused[span] = name
            else:
                used.add(span)
    for span, name in unused.items():
        if span not in used:
            message = f"`{name}` is declared and used nowhere"
            yield advice("unused-column", span, message, "name it in a threshold or in `message:`, or remove it")


def _declared(job: Job) -> Iterator[tuple[str, Span]]:
    if not isinstance(job.spec, CheckSpec):
        return
    for name, entry in section(document(job), "columns").entries.items():
        file = entry.key_span.file
        if all(job.origins[key].file == file for key in _USERS if key in job.origins):
            yield name, entry.key_span


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
