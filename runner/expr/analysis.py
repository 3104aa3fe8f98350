"""What is wrong with an expression before it is ever evaluated: all of it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final, Literal as Word, TypeAlias

from runner.errors import ExpressionError
from runner.expr.calls import problems_of_call
from runner.expr.dimensions import Static, Vague, known, static
from runner.expr.facts import facts
from runner.expr.functions import FunctionLike
from runner.expr.problems import COLUMN, PARAM, SYNTAX, TYPE, error, suggest
from runner.expr.tree import Call, Dotted, Expression, Name, Node, walk
from runner.expr.units import problems_of_units
from runner.expr.values import Quantity, param
from runner.model.history import HistoryNeed
from runner.model.quantity import KINDS, Dimension
from runner.model.suggest import nearest
from runner.records import dataclass

Wanted: TypeAlias = Word["condition", "value"]


_TRUTHS: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an expression may name.

    `columns` maps a column to its declared kind, None when it has none. With `known` false any column may be
    named. `computed` are the columns that expressions compute, in order; `phases` allows `before.` and `after.`.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    known: bool = True
    params: Mapping[str, object] = field(default_factory=dict)
    phases: bool = False
    functions: Mapping[str, FunctionLike] = field(default_factory=dict)
    computed: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All problems in the order of the text, and what the expression looks at.

    `dimension` is None when only evaluation can tell it.
    """

    problems: tuple[ExpressionError, ...]
    per_row: bool
    columns: frozenset[str]
    needs: frozenset[HistoryNeed]
    params: frozenset[str]
    dimension: Dimension | None


def analyse(expression: Expression, scope: Scope, wanted: Wanted = "condition") -> Analysis:
    """The problems of an expression in a scope; `wanted` says whether it must be a condition."""
    lookup = _Lookup(scope)
    found = static(expression.tree, lookup)
    problems = [*_names(expression, scope), *problems_of_units(expression, lookup)]
    if wanted == "condition":
        problems.extend(_no_condition(expression, found))
    seen = facts(expression)
    return Analysis(
        problems=tuple(sorted(problems, key=lambda problem: (problem.start, problem.end))),
        per_row=seen.per_row,
        columns=seen.columns,
        needs=seen.needs,
        params=seen.params,
        dimension=known(found),
    )


class _Lookup:
    """What columns and parameters measure."""

    def __init__(self, scope: Scope) -> None:
        self._params = scope.params
        self._columns: dict[str, Static] = {
            name: KINDS[kind][0] if kind in KINDS else Vague.UNDECLARED for name, kind in scope.columns.items()
        }
        for name, expression in scope.computed.items():
            if scope.columns.get(name) not in KINDS:
                self._columns[name] = static(expression.tree, self)

    def __call__(self, space: str, name: str) -> Static:
        if space == "params":
            given = param(self._params.get(name), name)
            return given.dimension if isinstance(given, Quantity) else Vague.ANYTHING
        return self._columns.get(name, Vague.UNDECLARED)


def _names(expression: Expression, scope: Scope) -> Iterator[ExpressionError]:
    columns = {*scope.columns, *scope.computed}
    for node in walk(expression.tree):
        match node:
            case Call():
                yield from problems_of_call(node, scope.functions)
            case Dotted(space="params", name=name) if name not in scope.params:
                hint = suggest(name, scope.params, "parameters")
                yield error(f"there is no parameter `{name}`", node.start, node.end, hint=hint, code=PARAM)
            case Dotted(space="before" | "after" as space) if not scope.phases:
                hint = "they are for the `verify:` of a maintenance job; for the last run write `previous.x`"
                yield error(f"there is no `{space}` here", node.start, node.end, hint=hint, code=SYNTAX)
            case Name(name=name) | Dotted(name=name) if scope.known and name not in columns:
                if not (isinstance(node, Dotted) and node.space == "params"):
                    yield _unknown_column(node, name, columns, scope)


def _unknown_column(node: Node, name: str, columns: set[str], scope: Scope) -> ExpressionError:
    hint = suggest(name, columns, "columns")
    if not nearest(name, columns) and name in scope.params:
        hint = f"parameters are written `params.{name}`"
    elif name.lower() in _TRUTHS:
        hint = f"the truth values are written `true` and `false`: `{_TRUTHS[name.lower()]}`"
    return error(f"the result has no column `{name}`", node.start, node.end, hint=hint, code=COLUMN)


def _no_condition(expression: Expression, found: Static) -> Iterator[ExpressionError]:
    if (isinstance(found, Dimension) and found is not Dimension.BOOL) or found is Vague.QUOTIENT:
        hint = f"compare it with something: `{expression.text.strip()[:40]} > …`"
        yield error("a condition is wanted here, and this is a value", 0, len(expression.text), hint=hint, code=TYPE)
