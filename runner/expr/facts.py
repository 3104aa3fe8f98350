"""What can be read from a tree alone: what it looks at, and whether it is judged per row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from runner.expr.functions import FUNCTIONS, Builtin, Group
from runner.expr.past import TREND_SPAN
from runner.expr.tree import Call, Dotted, Expression, Literal, Name, Node, RowCount, children
from runner.model.history import Form, HistoryNeed
from runner.model.quantity import MAX_DURATION, Dimension
from runner.records import dataclass

_PREVIOUS: Final = frozenset({"delta", "rate", "changed"})


@dataclass(frozen=True, slots=True)
class Facts:
    """`per_row`: it names a column outside of aggregates, or looks at neither columns nor the result."""

    per_row: bool
    columns: frozenset[str]
    needs: frozenset[HistoryNeed]
    params: frozenset[str]


def facts(expression: Expression) -> Facts:
    """The facts of an expression, found once."""
    found = expression.derived.get("facts")
    if found is None:
        found = expression.derived["facts"] = _gather(expression.tree)
    return cast("Facts", found)


def _gather(tree: Node) -> Facts:
    seen = list(_walk(tree, inside=False))
    names = [(_column(node), inside) for node, inside in seen if _column(node)]
    whole = any(isinstance(node, RowCount) or is_aggregate(node) for node, _ in seen)
    return Facts(
        per_row=any(not inside for _, inside in names) or (not whole and not names),
        columns=frozenset(name for name, _ in names),
        needs=frozenset(found for node, _ in seen if (found := need(node))),
        params=frozenset(node.name for node, _ in seen if isinstance(node, Dotted) and node.space == "params"),
    )


def _walk(node: Node, *, inside: bool) -> Iterator[tuple[Node, bool]]:
    yield node, inside
    for child in children(node):
        yield from _walk(child, inside=inside or is_aggregate(node))


def looks_at_row(tree: Node) -> bool:
    """Whether the value may differ from row to row: a column outside of aggregates, or a plugin's function."""
    return any(
        not inside and (_column(node) or (isinstance(node, Call) and node.name not in FUNCTIONS))
        for node, inside in _walk(tree, inside=False)
    )


def _column(node: Node) -> str:
    if isinstance(node, Name):
        return node.name
    return node.name if isinstance(node, Dotted) and node.space != "params" else ""


def is_aggregate(node: Node) -> bool:
    """Whether the node looks at the whole result."""
    builtin = FUNCTIONS.get(node.name) if isinstance(node, Call) else None
    return builtin is not None and builtin.group is Group.RESULT


def history_column(call: Call) -> str:
    """The column that a history function looks at, empty when it was given none."""
    return call.args[0].name if call.args and isinstance(call.args[0], Name) else ""


def span_of(call: Call, builtin: Builtin) -> float | None:
    """The written duration of a history function in seconds, None when there is none of at most a hundred years."""
    place = builtin.span
    given = call.args[place] if place is not None and place < len(call.args) else None
    if isinstance(given, Literal) and given.dimension is Dimension.SECONDS and given.value:
        seconds = cast("int", given.value)
        return float(seconds) if seconds <= MAX_DURATION else None
    return None


def need(node: Node) -> HistoryNeed | None:
    """What the node wants from the store."""
    if isinstance(node, Dotted):
        return HistoryNeed(Form.PREVIOUS, node.name) if node.space == "previous" else None
    builtin = FUNCTIONS.get(node.name) if isinstance(node, Call) else None
    if not isinstance(node, Call) or builtin is None or builtin.group is not Group.HISTORY:
        return None
    column = history_column(node)
    span = span_of(node, builtin)
    if not column:
        return None
    if node.name in _PREVIOUS or (node.name == "growth" and len(node.args) == 1):
        return HistoryNeed(Form.PREVIOUS, column)
    if node.name == "eta":
        return HistoryNeed(Form.WINDOW, column, span or TREND_SPAN)
    if span is None:
        return None
    return HistoryNeed(Form.NEAREST if node.name in {"at", "growth"} else Form.WINDOW, column, span)
