"""Compares what a check names with the columns that a server says its query has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from runner.api import Diagnostic, Job, MappingNode, Node, Scalar, SequenceNode, Span
from runner.expr import Expression, Scope, analyse
from runner.expr.problems import suggest
from runner.kinds.check.remedy import ALWAYS
from runner.kinds.check.spec import CheckSpec
from runner.model.quantity import KINDS, Dimension
from runner.records import dataclass
from runner.template import Template

_WHAT: Final = {
    "number": "a number",
    "text": "text",
    "timestamp": "a point in time",
    "bool": "a truth value",
    "interval": "a duration",
}
_CONVERTED: Final[dict[Dimension, frozenset[str]]] = {
    Dimension.SECONDS: frozenset({"number", "interval"}),
    Dimension.BOOL: frozenset({"bool", "number"}),
    Dimension.TIME: frozenset({"timestamp"}),
    Dimension.TEXT: frozenset(_WHAT),
}
_NUMBERS: Final = frozenset({"number"})


@dataclass(frozen=True, slots=True)
class _Result:
    """The columns of the query by name, each with the word for its type, and what is computed from them."""

    columns: Mapping[str, str | None]
    names: frozenset[str]

    def missing(self, name: str, span: Span) -> Iterator[Diagnostic]:
        if name not in self.names:
            hint = suggest(name, self.names, "columns")
            yield _error("unknown-column", span, f"the result has no column `{name}`", hint)


def compare(job: Job, spec: CheckSpec, node: MappingNode, columns: Mapping[str, str | None]) -> Iterator[Diagnostic]:
    """What the check names and the result lacks, and values that cannot be what they are declared as.

    `columns` maps each column to number, text, timestamp, bool, interval, or None for other types.
    """
    result = _Result(columns, frozenset({*columns, *spec.rule.computed}))
    yield from _declared(node, result)
    for key in ("key", "show", "trend"):
        for scalar in _scalars(node.get(key)):
            yield from result.missing(str(scalar.value), scalar.span)
    exceptions = node.get("except")
    for item in exceptions.items if isinstance(exceptions, SequenceNode) else ():
        for name, entry in item.entries.items() if isinstance(item, MappingNode) else ():
            if name != "reason":
                yield from result.missing(name, entry.key_span)
    for key in ("message", "hint"):
        yield from _named_in_text(node.get(key), key, result)
    yield from _expressions(job, spec, node, result)


def _declared(node: MappingNode, result: _Result) -> Iterator[Diagnostic]:
    declared = node.get("columns")
    for name, entry in declared.entries.items() if isinstance(declared, MappingNode) else ():
        yield from result.missing(name, entry.key_span)
        kind, found = str(entry.node.value) if isinstance(entry.node, Scalar) else "", result.columns.get(name)
        if found in (None, "text") or kind not in KINDS:
            continue
        if found not in _CONVERTED.get(KINDS[kind][0], _NUMBERS):
            message = f"`{name}` is declared as {kind}, and the query returns {_WHAT[found]}"
            hint = f"declare it as {'count' if found == 'number' else found}, or change the query"
            yield _error("column-type", entry.node.span, message, hint)


def _named_in_text(node: Node | None, key: str, result: _Result) -> Iterator[Diagnostic]:
    if not isinstance(node, Scalar):
        return
    for name in sorted(Template(str(node.value), key).names() - ALWAYS):
        found = re.search(rf"\b{re.escape(name)}\b", str(node.value))
        yield from result.missing(name, node.locate(*found.span()) if found else node.span)


def _expressions(job: Job, spec: CheckSpec, node: MappingNode, result: _Result) -> Iterator[Diagnostic]:
    rule = spec.rule
    computed: dict[str, Expression] = {}
    section = node.get("computed")
    for name, expression in rule.computed.items():
        scalar = section.get(name) if isinstance(section, MappingNode) else None
        yield from _problems(job, spec, result, computed, [(expression, scalar)], "value")
        computed[name] = expression
    levels = {"warning": rule.warning, "critical": rule.critical, "clear": (rule.clear,) if rule.clear else ()}
    for key, expressions in levels.items():
        pairs = list(zip(expressions, _scalars(node.get(key)), strict=False))
        yield from _problems(job, spec, result, computed, pairs, "condition")


def _problems(
    job: Job,
    spec: CheckSpec,
    result: _Result,
    computed: Mapping[str, Expression],
    pairs: list[tuple[Expression, Scalar]] | list[tuple[Expression, Node | None]],
    wanted: Literal["condition", "value"],
) -> Iterator[Diagnostic]:
    kinds = {name: spec.rule.kinds.get(name) or found for name, found in result.columns.items()}
    scope = Scope(columns=kinds, params=job.params, functions=spec.rule.functions, computed={**computed})
    for expression, scalar in pairs:
        for problem in analyse(expression, scope, wanted=wanted).problems:
            span = scalar.locate(problem.start, problem.end) if isinstance(scalar, Scalar) else job.span
            yield _error(problem.code, span, problem.message, problem.hint)


def _scalars(node: Node | None) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    return [item for item in node.items if isinstance(item, Scalar)] if isinstance(node, SequenceNode) else []


def _error(code: str, span: Span, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, span=span, message=message, hint=hint)
