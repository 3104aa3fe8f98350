"""Where the values of a compiled job stand in its document."""

from __future__ import annotations

from collections.abc import Iterator

from runner.expr import Expression
from runner.judge import Rule
from runner.kinds.check.spec import CheckSpec
from runner.kinds.maintenance.spec import MaintenanceSpec
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.job import Job
from runner.model.node import MappingNode, Node, Scalar, SequenceNode
from runner.records import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """An expression and the scalar that it was written in."""

    expression: Expression
    scalar: Scalar

    @property
    def span(self) -> Span:
        return self.scalar.span


def advice(code: str, span: Span, message: str, hint: str = "") -> Diagnostic:
    """A warning: the job is used as it is."""
    return Diagnostic(code=code, span=span, message=message, hint=hint, severity=Severity.WARNING)


def document(job: Job) -> MappingNode:
    """The job's keys from all layers."""
    node = job.documented.get("node")
    return node if isinstance(node, MappingNode) else MappingNode({})


def section(node: MappingNode, key: str) -> MappingNode:
    """The mapping under a key, empty when there is none."""
    found = node.get(key)
    return found if isinstance(found, MappingNode) else MappingNode({})


def items(node: Node | None) -> tuple[MappingNode, ...]:
    """The mappings of a list."""
    return tuple(item for item in node.items if isinstance(item, MappingNode)) if isinstance(node, SequenceNode) else ()


def scalars(node: Node | None) -> Iterator[Scalar]:
    """Every value in a node, in the order of the file."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from scalars(item)
    elif isinstance(node, MappingNode):
        for entry in node.entries.values():
            yield from scalars(entry.node)


def queries_of(step: MappingNode) -> Iterator[Node]:
    """The queries that choose the tables or indexes of a maintenance step."""
    for action in ("vacuum", "analyze", "freeze", "reindex"):
        for key in ("tables", "indexes"):
            query = section(section(step, action), key).get("sql")
            if query is not None:
                yield query


def rule_of(job: Job) -> tuple[Rule, MappingNode] | None:
    """How a job judges, and the mapping that its thresholds stand in; None when it does not."""
    if isinstance(job.spec, CheckSpec):
        return job.spec.rule, document(job)
    if isinstance(job.spec, MaintenanceSpec) and job.spec.verify is not None:
        return job.spec.verify, section(document(job), "verify")
    return None


def placed(rule: Rule, node: MappingNode, level: str) -> tuple[Placed, ...]:
    """The expressions of `warning`, `critical` or `clear` with their places."""
    found = {
        "warning": rule.warning,
        "critical": rule.critical,
        "clear": (rule.clear,) if rule.clear is not None else (),
    }[level]
    return tuple(
        Placed(expression, scalar) for expression, scalar in zip(found, scalars(node.get(level)), strict=False)
    )
