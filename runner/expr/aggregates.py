"""The functions that look at all rows; a row without a value makes the result unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from runner.expr.arithmetic import COMPARE, NAMES, calculate, comparable, conflict
from runner.expr.environment import Environment, Test, Valued
from runner.expr.values import NEVER, NUMERIC, Quantity, Unknown, Value, merge, number
from runner.model.quantity import Dimension

Rows: TypeAlias = Sequence[Environment]


def _counted(test: Test, rows: Rows) -> tuple[int, int, Unknown | None]:
    """How many rows fulfil the test, how many do not, and why the rest is unknown."""
    answers = [test(row) for row in rows]
    unknowns = [answer for answer in answers if isinstance(answer, Unknown)]
    true = sum(answer is True for answer in answers)
    return true, len(rows) - true - len(unknowns), _in_rows(unknowns, len(rows))


def _in_rows(unknowns: Sequence[Unknown], total: int) -> Unknown | None:
    """One reason for many rows: the worst of their unknowns, the first among equals."""
    if not unknowns:
        return None
    worst = unknowns[0]
    for other in unknowns[1:]:
        worst = merge(worst, other) if (other.fault, not other.learning) > (worst.fault, not worst.learning) else worst
    return Unknown(f"{worst.reason} (in {len(unknowns)} of {total} rows)", worst.learning, worst.fault)


def _count(test: Test, rows: Rows) -> Value:
    true, _, pending = _counted(test, rows)
    return Quantity(true, Dimension.NUMBER) if pending is None else pending


def _any(test: Test, rows: Rows) -> Value:
    true, _, pending = _counted(test, rows)
    return Quantity(bool(true), Dimension.BOOL) if true or pending is None else pending


def _all(test: Test, rows: Rows) -> Value:
    _, false, pending = _counted(test, rows)
    return Quantity(not false, Dimension.BOOL) if false or pending is None else pending


CONDITIONS: Final[dict[str, Callable[[Test, Rows], Value]]] = {"count": _count, "any": _any, "all": _all}


def _gathered(operand: Valued, rows: Rows, text: str) -> list[Quantity] | Unknown:
    """The values of all rows when every row has one of a common dimension."""
    found = [operand(row) for row in rows]
    null = Unknown(f"{text} is null")
    pending = _in_rows(
        [null if value is None else value for value in found if not isinstance(value, Quantity)], len(found)
    )
    if pending is not None:
        return pending
    given = [value for value in found if isinstance(value, Quantity)]
    for value in given:
        if not comparable(value.dimension, given[0].dimension):
            return conflict(given[0].dimension, value.dimension, f"{text} in one row", "in another")
    return given


def _sum(given: Sequence[Quantity], text: str) -> Quantity | Unknown:
    total: object = 0
    for value in given:
        if value.dimension not in NUMERIC:
            return Unknown(f"{text} is {NAMES[value.dimension]} and has no sum", fault=True)
        if value is NEVER:
            return Unknown(f"{text} is never")
        total = calculate("+", total, value.value)
    dimension = max((value.dimension for value in given), key=lambda found: found is not Dimension.NUMBER)
    return number(total, dimension, f"sum({text})")  # type: ignore[arg-type]


def _avg(given: Sequence[Quantity], text: str) -> Quantity | Unknown:
    total = _sum(given, text)
    if isinstance(total, Unknown):
        return total
    return number(calculate("/", total.value, len(given)), total.dimension, f"avg({text})")


def _extreme(word: str) -> Callable[[Sequence[Quantity], str], Quantity | Unknown]:
    better = COMPARE["<"] if word == "min" else COMPARE[">"]

    def find(given: Sequence[Quantity], _: str) -> Quantity:
        best = given[0]
        for other in given[1:]:
            if better(other.value, best.value):
                best = other
        return best

    return find


_OF_VALUES: Final[dict[str, Callable[[Sequence[Quantity], str], Quantity | Unknown]]] = {
    "sum": _sum,
    "avg": _avg,
    "min": _extreme("min"),
    "max": _extreme("max"),
}


def total_of(name: str, operand: Valued, rows: Rows, text: str, empty: Dimension) -> Value:
    """`sum avg min max`; without rows a sum is 0 of the dimension `empty`, the others are unknown."""
    given = _gathered(operand, rows, text)
    if isinstance(given, Unknown):
        return given
    if not given:
        return Quantity(0, empty) if name == "sum" else Unknown(f"there are no rows, so {name}({text}) has no value")
    return _OF_VALUES[name](given, text)
