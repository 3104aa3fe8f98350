"""Exact arithmetic and comparison of quantities; what cannot be computed is unknown with its reason."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from typing import Any, Final, TypeAlias, cast

from runner.expr.tree import CompareWord, Operator
from runner.expr.values import NEVER, NUMERIC, Quantity, Unknown, number, seconds
from runner.model.quantity import Dimension

Numeric: TypeAlias = int | Decimal | Fraction
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, Overflow])
_DECIMAL: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply,
}  # fmt: skip
_EXACTLY: Final[dict[str, Callable[[object, object], Numeric]]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
COMPARE: Final[dict[CompareWord, Callable[[Any, Any], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_PURE: Final = (Dimension.NUMBER, Dimension.RATIO)
_LIKE_NUMBERS: Final = (Dimension.BYTES, Dimension.RATIO)
NAMES: Final = {
    Dimension.NUMBER: "a number", Dimension.BYTES: "a size", Dimension.SECONDS: "a duration",
    Dimension.RATIO: "a share", Dimension.TEXT: "text", Dimension.BOOL: "a truth value", Dimension.TIME: "a time",
}  # fmt: skip


def comparable(left: Dimension, right: Dimension) -> bool:
    """Whether two dimensions may meet: a number beside a size means bytes, a quotient is also a share."""
    if left is Dimension.NUMBER:
        return right is left or right in _LIKE_NUMBERS
    return left is right or (right is Dimension.NUMBER and left in _LIKE_NUMBERS)


def conflict(left: Dimension, right: Dimension, left_text: str, right_text: str) -> Unknown:
    """The fault of two values that cannot be compared or added."""
    return Unknown(f"{left_text} is {NAMES[left]} and {right_text} is {NAMES[right]}", fault=True)


def result_dimension(word: Operator, left: Dimension, right: Dimension) -> Dimension | None:
    """What comes out of arithmetic, None when the two do not go together."""
    if word in "+-":
        return left if left is right and left in NUMERIC else _sum_dimension(word, left, right)
    if left not in NUMERIC or right not in NUMERIC:
        return None
    if word == "*":
        if left is right is Dimension.RATIO:
            return Dimension.RATIO
        if left in _PURE:
            return Dimension.NUMBER if right in _PURE else right
        return left if right in _PURE else None
    if left is right or (left is Dimension.NUMBER and right is Dimension.BYTES):
        return Dimension.NUMBER
    if right in _PURE:
        return Dimension.NUMBER if left in _PURE else left
    return left if right is Dimension.SECONDS else None


def _sum_dimension(word: Operator, left: Dimension, right: Dimension) -> Dimension | None:
    if Dimension.TIME in {left, right}:
        if left is right:
            return Dimension.SECONDS if word == "-" else None
        if {left, right} == {Dimension.TIME, Dimension.SECONDS} and (left is Dimension.TIME or word == "+"):
            return Dimension.TIME
        return None
    if left not in NUMERIC or not comparable(left, right):
        return None
    return right if left is Dimension.NUMBER else left


def combine(word: Operator, left: Quantity, right: Quantity, left_text: str, right_text: str) -> Quantity | Unknown:
    """The exact sum, difference, product or quotient."""
    dimension = result_dimension(word, left.dimension, right.dimension)
    if dimension is None:
        return conflict(left.dimension, right.dimension, left_text, right_text)
    one, other = left.value, right.value
    if type(one) is int and type(other) is int and word != "/":
        return number(_EXACTLY[word](one, other), dimension, left_text)
    if left is NEVER or right is NEVER:
        return Unknown(f"{left_text if left is NEVER else right_text} is never")
    if Dimension.TIME in (left.dimension, right.dimension):
        return _with_time(word, left, right, left_text)
    if word == "/" and not right.value:
        return Unknown(f"division by zero: {right_text} is 0")
    name = f"{left_text} {word} {right_text}"
    return number(calculate(word, left.value, right.value), dimension, name)


def calculate(word: Operator, left: object, right: object) -> Numeric:
    """Plain numbers, exactly: ints and decimals stay so, quotients are fractions."""
    if type(left) is int and type(right) is int:
        return Fraction(left, right) if word == "/" else _EXACTLY[word](left, right)
    if word != "/" and not isinstance(left, Fraction) and not isinstance(right, Fraction):
        try:
            return _DECIMAL[word](Decimal(left), Decimal(right))  # type: ignore[arg-type]
        except (Inexact, InvalidOperation, Overflow):
            pass
    return _EXACTLY[word](Fraction(left), Fraction(right))  # type: ignore[call-overload]


def _with_time(word: Operator, left: Quantity, right: Quantity, name: str) -> Quantity | Unknown:
    try:
        if isinstance(left.value, datetime) and isinstance(right.value, datetime):
            return Quantity(seconds(left.value - right.value), Dimension.SECONDS)
        moment, span = (left.value, right.value) if isinstance(left.value, datetime) else (right.value, left.value)
        step = timedelta(seconds=float(cast("Numeric", span)))
        start = cast("datetime", moment)
        return Quantity(start + step if word == "+" else start - step, Dimension.TIME)
    except (OverflowError, ValueError):
        return Unknown(f"{name} is too far from now", fault=True)


def negative(operand: Quantity, text: str) -> Quantity | Unknown:
    """`-x`."""
    if operand.dimension not in NUMERIC or operand is NEVER:
        return Unknown(f"{text} is {NAMES[operand.dimension]} and has no negative", fault=True)
    return Quantity(-operand.value, operand.dimension)  # type: ignore[operator]
