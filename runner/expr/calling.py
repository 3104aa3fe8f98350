"""Closures for calls: values, aggregates over the result, history, and functions of plugins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias, cast

from runner.expr import past
from runner.expr.aggregates import CONDITIONS, total_of
from runner.expr.calls import problems_of_call
from runner.expr.dimensions import dimension_of
from runner.expr.environment import Environment, Test, Valued
from runner.expr.facts import history_column, need, span_of
from runner.expr.functions import FUNCTIONS, Group
from runner.expr.scalar import SCALAR, Arguments, age, nullif, plugin
from runner.expr.tree import Call, Node
from runner.expr.values import Quantity, Unknown, Value, merge
from runner.model.history import Sample
from runner.model.quantity import Dimension, show_duration


class Builder(Protocol):
    """Makes the closures of the arguments."""

    def text(self, node: Node) -> str: ...

    def value(self, node: Node) -> Valued: ...

    def truth(self, node: Node) -> Test: ...


def call_value(call: Call, build: Builder) -> Valued:
    """The call as a closure; a call that is wrong in itself is unknown whenever it is evaluated."""
    builtin = FUNCTIONS.get(call.name)
    if builtin is None:
        return _plugin(call, build)
    problem = next(problems_of_call(call, {}), None)
    if problem is not None:
        unknown = Unknown(problem.message, fault=True)
        return lambda _: unknown
    if builtin.group is Group.RESULT:
        return _aggregate(call, build)
    if builtin.group is Group.HISTORY:
        return _history(call, build, span_of(call, builtin) or 0.0)
    if call.name == "coalesce":
        return _coalesce([build.value(argument) for argument in call.args])
    return _scalar(call, build)


def _strict(call: Call, build: Builder, compute: Callable[[Environment, Arguments], Value]) -> Valued:
    """All arguments must have a value."""
    arguments = [(build.value(argument), build.text(argument)) for argument in call.args]

    def run(environment: Environment) -> Value:
        given: list[Quantity] = []
        pending: Unknown | None = None
        for argument, text in arguments:
            found = argument(environment)
            if isinstance(found, Quantity):
                given.append(found)
                continue
            why = Unknown(f"{text} is null") if found is None else found
            pending = why if pending is None else merge(pending, why)
        return compute(environment, given) if pending is None else pending

    return run


def _plugin(call: Call, build: Builder) -> Valued:
    name = call.name

    def compute(environment: Environment, given: Arguments) -> Value:
        function = environment.functions.get(name)
        return (
            Unknown(f"there is no function {name}", fault=True) if function is None else plugin(function, name, given)
        )

    return _strict(call, build, compute)


def _scalar(call: Call, build: Builder) -> Valued:
    if call.name == "nullif":
        return _strict(call, build, lambda _, given: nullif(given[0], given[1]))
    if call.name == "age":
        text = build.text(call.args[0])
        return _strict(call, build, lambda environment, given: age(given[0], environment.now, text))
    compute = SCALAR[call.name]
    return _strict(call, build, lambda _, given: compute(given))


def _coalesce(arguments: Sequence[Valued]) -> Valued:
    def run(environment: Environment) -> Value:
        pending: Unknown | None = None
        for argument in arguments:
            found = argument(environment)
            if isinstance(found, Quantity) or (isinstance(found, Unknown) and found.fault):
                return found
            if found is not None:
                pending = found if pending is None else merge(pending, found)
        return pending

    return run


def _aggregate(call: Call, build: Builder) -> Valued:
    """Computed once for all rows of a result, and kept in the memo that they share."""
    compute = _condition(call, build) if call.name in CONDITIONS else _total(call, build)

    def run(environment: Environment) -> Value:
        memo = environment.memo
        if run not in memo:
            memo[run] = compute(environment)
        return cast("Value", memo[run])

    return run


def _condition(call: Call, build: Builder) -> Valued:
    decide, test = CONDITIONS[call.name], build.truth(call.args[0])
    return lambda environment: decide(test, environment.everyone())


def _total(call: Call, build: Builder) -> Valued:
    (argument,) = call.args
    operand, text = build.value(argument), build.text(argument)

    def run(environment: Environment) -> Value:
        rows = environment.everyone()
        empty = Dimension.NUMBER if rows else dimension_of(argument, environment.dimensions)
        return total_of(call.name, operand, rows, text, empty)

    return run


def _history(call: Call, build: Builder, span: float) -> Valued:
    column, wanted = history_column(call), need(call)
    assert wanted is not None
    now = build.value(call.args[0])
    if call.name == "changed":
        return lambda environment: _truth(
            past.changed(now(environment), environment.past.of(environment.series, wanted), column)
        )
    look = _look(call, build, column, span)
    if call.name in _WITHOUT_NOW:
        return lambda environment: look(environment, _NOTHING, environment.past.of(environment.series, wanted))

    def run(environment: Environment) -> Value:
        given = past.numeric(now(environment), column)
        if isinstance(given, Unknown):
            return given
        return look(environment, given, environment.past.of(environment.series, wanted))

    return run


_Look: TypeAlias = Callable[[Environment, Quantity, Sequence[Sample]], Value]
_WITHOUT_NOW: Final = frozenset({"at", "count_over", *past.WINDOWS})
_NOTHING: Final = Quantity(0, Dimension.NUMBER)


def _truth(found: bool | Unknown) -> Value:
    return found if isinstance(found, Unknown) else Quantity(found, Dimension.BOOL)


def _look(call: Call, build: Builder, column: str, span: float) -> _Look:
    name, then = call.name, f"previous.{column}"
    match name:
        case "delta":
            return lambda _, now, samples: past.difference(
                now, past.previous(samples, now.dimension, column), column, then
            )
        case "rate":
            return lambda env, now, samples: past.rate(now, samples, env.now, column, span or 1.0)
        case "growth" if not span:
            return lambda _, now, samples: past.growth(now, past.previous(samples, now.dimension, column), column, then)
        case "growth":
            ago = f"{column} {show_duration(span)} ago"
            return lambda env, now, samples: past.growth(
                now, past.nearest(samples, span, env.now, now.dimension, column), column, ago
            )
        case "at":
            return lambda env, _, samples: past.nearest(samples, span, env.now, env.dimension(column), column)
        case "zscore":
            return lambda _, now, samples: past.zscore(now, samples, column)
        case "eta":
            return _eta(build.value(call.args[1]), build.text(call.args[1]), column)
    return lambda env, _, samples: past.over(name, samples, env.dimension(column), column)


def _eta(limit: Valued, text: str, column: str) -> _Look:
    def look(environment: Environment, now: Quantity, samples: Sequence[Sample]) -> Value:
        goal = past.numeric(limit(environment), text)
        return goal if isinstance(goal, Unknown) else past.eta(now, goal, samples, environment.now, column)

    return look
