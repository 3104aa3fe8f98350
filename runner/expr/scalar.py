"""The functions that look at values alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from runner.expr.arithmetic import COMPARE, NAMES, comparable, conflict
from runner.expr.functions import FunctionLike
from runner.expr.values import NEVER, NUMERIC, Quantity, Unknown, Value, number, quantity, seconds
from runner.model.quantity import Dimension

Arguments: TypeAlias = Sequence[Quantity]
_MAX_DIGITS: Final = 100


def _fault(name: str, wanted: str, argument: Quantity) -> Unknown:
    return Unknown(f"{name} wants {wanted}, not {NAMES[argument.dimension]}", fault=True)


def _numeric(name: str, compute: Callable[[Fraction], Fraction | int]) -> Callable[[Arguments], Value]:
    def call(arguments: Arguments) -> Value:
        (given,) = arguments
        if given.dimension not in NUMERIC or given is NEVER:
            return _fault(name, "a number", given) if given is not NEVER else given
        return number(compute(Fraction(given.value)), given.dimension, name)  # type: ignore[arg-type]

    return call


def _round(arguments: Arguments) -> Value:
    given, *digits = arguments
    if given.dimension not in NUMERIC:
        return _fault("round", "a number", given)
    places = digits[0].value if digits else 0
    if not isinstance(places, int) or isinstance(places, bool) or abs(places) > _MAX_DIGITS:
        return Unknown(f"round wants a whole number of digits, at most {_MAX_DIGITS}", fault=True)
    if given is NEVER:
        return given
    unit = Fraction(10) ** -places
    halves = Fraction(given.value) / unit  # type: ignore[arg-type]
    nearest = math.floor(abs(halves) + Fraction(1, 2)) * (1 if halves >= 0 else -1)
    return number(nearest * unit, given.dimension, "round")


def _text(name: str, compute: Callable[[str], str | int]) -> Callable[[Arguments], Value]:
    def call(arguments: Arguments) -> Value:
        (given,) = arguments
        if not isinstance(given.value, str):
            return _fault(name, "text", given)
        result = compute(given.value)
        return Quantity(result, Dimension.TEXT if isinstance(result, str) else Dimension.NUMBER)

    return call


def _texts(name: str, compute: Callable[[str, str], bool]) -> Callable[[Arguments], Value]:
    def call(arguments: Arguments) -> Value:
        given, part = arguments
        for argument in arguments:
            if not isinstance(argument.value, str):
                return _fault(name, "text", argument)
        return Quantity(compute(str(given.value), str(part.value)), Dimension.BOOL)

    return call


def _extreme(name: str, better: Callable[[object, object], bool]) -> Callable[[Arguments], Value]:
    def call(arguments: Arguments) -> Value:
        best = arguments[0]
        for other in arguments[1:]:
            if not comparable(best.dimension, other.dimension):
                return conflict(best.dimension, other.dimension, f"one argument of {name}", "another")
            if better(other.value, best.value):
                best = other
        return best

    return call


SCALAR: Final[dict[str, Callable[[Arguments], Value]]] = {
    "abs": _numeric("abs", abs),
    "floor": _numeric("floor", math.floor),
    "ceil": _numeric("ceil", math.ceil),
    "round": _round,
    "least": _extreme("least", COMPARE["<"]),
    "greatest": _extreme("greatest", COMPARE[">"]),
    "lower": _text("lower", str.lower),
    "upper": _text("upper", str.upper),
    "trim": _text("trim", str.strip),
    "length": _text("length", len),
    "contains": _texts("contains", lambda text, part: part in text),
    "starts_with": _texts("starts_with", str.startswith),
    "ends_with": _texts("ends_with", str.endswith),
}


def nullif(left: Quantity, right: Quantity) -> Value:
    """Null when both are equal, else the first."""
    if not comparable(left.dimension, right.dimension):
        return conflict(left.dimension, right.dimension, "one argument of nullif", "the other")
    return None if left.value == right.value else left


def age(moment: Quantity, now: datetime, name: str) -> Value:
    """How long ago that was; negative for the future."""
    if not isinstance(moment.value, datetime):
        return Unknown(f"{name} is {NAMES[moment.dimension]}, not a time", fault=True)
    return Quantity(seconds(now - moment.value), Dimension.SECONDS)


def plugin(function: FunctionLike, name: str, arguments: Arguments) -> Value:
    """The value of a plugin's function; whatever it raises is the reason of an unknown."""
    try:
        result = function.call(*[_plain(argument) for argument in arguments])
        return quantity(result, None, f"{name}()")
    except Exception as problem:
        return Unknown(f"the function {name} failed ({type(problem).__name__})", fault=True)


def _plain(argument: Quantity) -> object:
    value = argument.value
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, (Decimal, Fraction)) else value
