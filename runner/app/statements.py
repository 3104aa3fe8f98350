"""The SQL of a job as it stands in its files: what a server of some major version would be sent."""

from __future__ import annotations

from collections.abc import Iterator

from runner.compile.lint.places import document, items, queries_of, scalars, section
from runner.kinds.maintenance.spec import MaintenanceSpec
from runner.model.diagnostic import Span
from runner.model.job import Job
from runner.model.node import MappingNode, Scalar
from runner.model.sql_variants import SqlVariants
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, its place, and the columns that the mapping around it names.

    `is_result`: its rows are what the check judges. `syntax_only`: an earlier step may make what it needs.
    """

    sql: str
    span: Span
    scalar: Scalar | None = None
    document: MappingNode
    is_result: bool = False
    syntax_only: bool = False
    columns: tuple[tuple[str, Span], ...] = ()


def conditions(job: Job) -> Iterator[Statement]:
    """What decides whether the job applies and can look."""
    node = document(job)
    for key in ("applies_if", "precondition"):
        yield from (_statement(scalar, node) for scalar in scalars(node.get(key)))


def statements(job: Job, major: int) -> Iterator[Statement]:
    """What the job itself sends to a server of this major version."""
    node = document(job)
    if isinstance(job.spec, MaintenanceSpec):
        yield from _maintenance(node)
    for key, is_result in (("sql", True), ("detail", False)):
        variants = getattr(job.spec, key, None)
        chosen = variants.chosen(major) if isinstance(variants, SqlVariants) else None
        if isinstance(variants, SqlVariants) and chosen is not None:
            scalar = variants.nodes.get(chosen)
            yield Statement(
                sql=variants.variants[chosen],
                span=scalar.span if scalar else job.span,
                scalar=scalar,
                document=node,
                is_result=is_result,
            )


def _maintenance(node: MappingNode) -> Iterator[Statement]:
    measure = section(node, "measure")
    named = [(scalar.text, scalar.span) for scalar in scalars(measure.get("key"))]
    named += [(name, entry.key_span) for name, entry in section(measure, "columns").entries.items()]
    for scalar in scalars(measure.get("sql")):
        yield _statement(scalar, measure, columns=tuple(named))
    for step in items(node.get("steps")):
        for query in queries_of(step):
            yield from (_statement(scalar, step, syntax_only=True) for scalar in scalars(query))
        yield from (_statement(scalar, step, syntax_only=True) for scalar in scalars(step.get("sql")))


def _statement(
    scalar: Scalar, node: MappingNode, *, syntax_only: bool = False, columns: tuple[tuple[str, Span], ...] = ()
) -> Statement:
    return Statement(
        sql=scalar.text,
        span=scalar.span,
        scalar=scalar,
        document=node,
        syntax_only=syntax_only,
        columns=columns,
    )
