"""One check of the catalogue, whole: what it means, what it looks at, what it needs, and how a file uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.api import Job, Scope
from runner.app.about import check_in_words, paragraphs, requirements
from runner.app.catalogue.entries import Known
from runner.app.catalogue.words import numbers_of, yaml_lines
from runner.kinds.check.spec import CheckSpec
from runner.model.sql_variants import SqlVariants


def page(known: Known) -> str:
    """Plain text for people."""
    entry, job = known.entry, known.job
    lines = [f"{entry.name}: {job.title}", *paragraphs(job.description), ""]
    lines += [f"area {entry.area}, from {'this home' if entry.source == 'home' else entry.source}, {entry.span}"]
    lines += [f"presets: {', '.join(known.presets) or 'none'}"]
    lines += [f"rows in the list of checks: {', '.join(entry.rows)}"] if entry.rows else []
    for heading, section in (
        ("What it does", _does(job)),
        ("Where it runs", _where(job)),
        ("Thresholds and parameters as they are written", _written(known)),
        ("Use it with your own numbers, in a file of checks.d/", example(known)),
    ):
        lines += ["", heading, *(f"  {line}".rstrip() for line in section)]
    for what, sql in statements(job):
        lines += ["", what, *(f"  {line}".rstrip() for line in sql.strip().splitlines())]
    return "\n".join(lines)


def plain_of(known: Known) -> dict[str, object]:
    """The same as data for `--json`."""
    entry, job = known.entry, known.job
    low, high = job.requires.version or (None, None)
    spec = job.spec
    return {
        "name": entry.name, "area": entry.area, "title": job.title, "description": job.description.strip(),
        "kind": entry.kind, "source": entry.source, "file": str(entry.span), "tags": list(entry.tags),
        "presets": list(known.presets), "rows": list(entry.rows), "scope": job.scope.value,
        "version": {"from": low, "to": high}, "role": job.requires.role,
        "extensions": dict(job.requires.extensions), "settings": dict(job.requires.settings),
        "grants": list(job.requires.grants), "precondition": job.precondition.strip() or None,
        "applies_if": job.applies_if.strip() or None, "probe": getattr(spec, "probe", "") or None,
        "key": list(spec.rule.key) if isinstance(spec, CheckSpec) else [],
        "sql": {str(major or "any"): sql.strip() for major, sql in _variants(spec, "sql").items()},
        **({"warning": None, "critical": None} | numbers_of(entry)),
        "params": dict(job.params),
    }  # fmt: skip


def example(known: Known) -> Iterator[str]:
    """A file that takes the check over, with the numbers that one may change."""
    yield "schedule: every 5min"
    yield "jobs:"
    yield f"  - use: {known.name}"
    for key, value in numbers_of(known.entry).items():
        yield from (f"    {line}" for line in yaml_lines(key, value))


def statements(job: Job) -> Iterator[tuple[str, str]]:
    """Every query of the job with what it is for."""
    for what, sql in (
        ("SQL that says whether it applies", job.applies_if),
        ("SQL that says whether the role can see enough", job.precondition),
    ):
        if sql:
            yield what, sql
    for what, key in (("SQL", "sql"), ("SQL of what the report shows beside it", "detail")):
        for major, sql in sorted(_variants(job.spec, key).items()):
            yield f"{what}{f', from PostgreSQL {major} on' if major else ''}", sql


def _variants(spec: Any, key: str) -> dict[int, str]:
    found = getattr(spec, key, None)
    return dict(found.variants) if isinstance(found, SqlVariants) else {}


def _does(job: Job) -> Iterator[str]:
    if isinstance(job.spec, CheckSpec):
        yield from check_in_words(job.spec)
    else:
        yield f"is a job of the kind {job.kind}"
    if job.hold.runs > 1:
        yield f"counts only when it is seen in {job.hold.runs} runs in a row"
    if job.on_gone != "ok":
        yield f"a row that is gone is {job.on_gone}"


def _where(job: Job) -> Iterator[str]:
    yield {
        Scope.HOST: "on the host that runs `runner`",
        Scope.INSTANCE: "once on each server",
        Scope.DATABASE: "in each database of a server",
    }[job.scope]
    yield from (f"only where {reason}" for reason in requirements(job.requires))
    if job.applies_if:
        yield "only where the query below says so; elsewhere it is skipped"
    if job.precondition:
        yield "is unknown where the query below says that the role cannot see enough"
    if grants_needed(job):
        yield "runner doctor --grants prints the SQL for what it needs"


def grants_needed(job: Job) -> bool:
    return bool(job.requires.grants or job.precondition)


def _written(known: Known) -> Iterator[str]:
    numbers = numbers_of(known.entry)
    if not numbers:
        yield "none: it measures and shows"
    for key, value in numbers.items():
        yield from yaml_lines(key, value)
