"""Advice about the `tests:` of a check."""

from __future__ import annotations

from collections.abc import Iterator

from runner.compile.lint.places import advice, document, items
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic
from runner.model.job import Job
from runner.model.node import MappingNode, plain


def about_tests(job: Job) -> Iterator[Diagnostic]:
    """Rows of one result that have the same key: a key names one row, and of several only the worst is kept."""
    if not isinstance(job.spec, CheckSpec) or not job.spec.rule.key:
        return
    for rows in _results(document(job)):
        seen: dict[tuple[str, ...], int] = {}
        for number, row in enumerate(rows, start=1):
            key = _key(row, job.spec.rule.key)
            if key and (first := seen.setdefault(key, number)) != number:
                message = f"rows {first} and {number} of this test have the same key, {'.'.join(key)}"
                yield advice("key-not-unique", row.span, message, "name more columns in `key:`, or mend the rows")


def _results(node: MappingNode) -> Iterator[tuple[MappingNode, ...]]:
    """The rows of every run of every test."""
    for test in items(node.get("tests")):
        for part in (test, *items(test.get("history")), *items(test.get("ticks"))):
            yield items(part.get("rows"))


def _key(row: MappingNode, names: tuple[str, ...]) -> tuple[str, ...]:
    """The texts of the key columns, empty when the row lacks one."""
    return tuple(str(plain(row.get(name))) for name in names) if all(name in row for name in names) else ()
