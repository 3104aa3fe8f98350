"""Evaluation: an expression in an environment."""

from __future__ import annotations

from runner.expr.closures import truth_closure, value_closure
from runner.expr.environment import Environment, Test
from runner.expr.tree import Expression
from runner.expr.values import Unknown, Value


def truth(expression: Expression, environment: Environment) -> bool | Unknown:
    """Whether the condition holds, or why that is not known. Never raises."""
    return truth_closure(expression)(environment)


def condition(expression: Expression) -> Test:
    """The condition made ready, for many environments."""
    return truth_closure(expression)


def value(expression: Expression, environment: Environment) -> Value:
    """The value, None for null, or why there is none. Never raises."""
    return value_closure(expression)(environment)
