"""Compiles how far a maintenance job may go."""

from __future__ import annotations

from typing import Literal

from runner.api import CompileContext, ExpressionError, MappingNode, Node, Scalar, ScheduleError, plain
from runner.expr import Expression, Scope, analyse, facts, parse
from runner.kinds.maintenance.spec import Limits
from runner.kinds.maintenance.watch import FACTS
from runner.model.quantity import parse_duration

_AT_END: tuple[Literal["finish", "cancel"], ...] = ("finish", "cancel")
_LONGEST_DELAY = 0.1
"""PostgreSQL's own limit of vacuum_cost_delay, in seconds."""


def read_limits(node: MappingNode, context: CompileContext) -> Limits:
    """The limits of the job; what is wrong goes to the context."""
    limit = plain(node.get("cost_limit"))
    return Limits(
        budget=read_duration(node.get("budget"), context),
        at_end=_at_end(node, context),
        cost_delay=_delay(node, context),
        cost_limit=limit if isinstance(limit, int) and not isinstance(limit, bool) else None,
        pause_when=_condition(node, "pause_when", context),
        stop_when=_condition(node, "stop_when", context),
        yield_to_waiters=plain(node.get("yield_to_waiters")) is not False,
        functions=context.functions,
    )


def read_duration(node: Node | None, context: CompileContext) -> float | None:
    """Seconds; None when the key is absent or wrong."""
    if not isinstance(node, Scalar):
        return None
    try:
        return parse_duration(node.text)
    except ScheduleError as error:
        context.complain("bad-value", node.span, error.message, error.hint)
        return None


def _at_end(node: MappingNode, context: CompileContext) -> Literal["finish", "cancel"]:
    found = node.get("at_end")
    value = plain(found)
    for word in _AT_END:
        if value == word:
            return word
    if found is not None:
        context.complain("bad-value", found.span, f"`at_end` cannot be `{value}`", "write finish or cancel")
    return "finish"


def _delay(node: MappingNode, context: CompileContext) -> float | None:
    found = node.get("cost_delay")
    delay = read_duration(found, context)
    if found is not None and delay is not None and delay > _LONGEST_DELAY:
        context.complain("bad-value", found.span, "PostgreSQL allows a cost_delay of at most 100ms", "cost_delay: 2ms")
        return None
    return delay


def _condition(node: MappingNode, key: str, context: CompileContext) -> Expression | None:
    scalar = node.get(key)
    if not isinstance(scalar, Scalar):
        return None
    try:
        expression = parse(scalar.text)
    except ExpressionError as error:
        _complain(error, scalar, context)
        return None
    columns = {name: kind for name, (kind, _) in FACTS.items()}
    scope = Scope(columns=columns, params=context.params, functions=context.functions)
    problems = analyse(expression, scope).problems
    for problem in problems:
        _complain(problem, scalar, context)
    if facts(expression).needs:
        message = f"`{key}` looks at the moment alone; there is no history of these facts"
        context.complain("bad-value", scalar.span, message, "compare the fact with a number")
        return None
    return None if problems else expression


def _complain(error: ExpressionError, scalar: Scalar, context: CompileContext) -> None:
    context.complain(error.code, scalar.locate(error.start, error.end), error.message, error.hint)
