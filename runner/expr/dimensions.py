"""What each part of an expression measures, as far as can be known before it is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, TypeAlias

from runner.expr.arithmetic import result_dimension
from runner.expr.functions import FUNCTIONS
from runner.expr.tree import Binary, Call, Dotted, Literal, Name, Negative, Node, Operator, PercentOf, RowCount
from runner.expr.values import NUMERIC
from runner.model.quantity import Dimension


class Vague(Enum):
    """What is not exactly known.

    A quotient is a number and a share at once; an undeclared column is anything but a share; anything is
    what a plugin's function returns.
    """

    QUOTIENT = "quotient"
    UNDECLARED = "undeclared"
    ANYTHING = "anything"


Static: TypeAlias = Dimension | Vague
Lookup: TypeAlias = Callable[[str, str], Static]
"""From a space (empty for the row) and a name to what the column or parameter measures."""

_FIXED: Final[dict[str, Static]] = {
    **dict.fromkeys(("lower", "upper", "trim"), Dimension.TEXT),
    **dict.fromkeys(("contains", "starts_with", "ends_with", "any", "all", "changed"), Dimension.BOOL),
    **dict.fromkeys(("age", "eta"), Dimension.SECONDS),
    **dict.fromkeys(("length", "count", "count_over", "zscore"), Dimension.NUMBER),
    "growth": Dimension.RATIO,
}
OF_NUMBERS: Final = frozenset(
    {"abs", "round", "floor", "ceil", "sum", "avg", "delta", "rate", "growth", "zscore", "eta", "avg_over", "min_over"}
    | {"max_over", "median_over", "stddev_over"}
)
"""Functions whose first argument must be a number of some unit."""
_PURE: Final = frozenset({Dimension.NUMBER, Dimension.RATIO, Vague.QUOTIENT})


def static(node: Node, lookup: Lookup) -> Static:
    """The dimension of a node; conflicts below it give `ANYTHING`, they are told elsewhere."""
    match node:
        case Literal(dimension=dimension):
            return dimension
        case Name(name=name):
            return lookup("", name)
        case Dotted(space=space, name=name):
            return lookup("params" if space == "params" else "", name)
        case RowCount():
            return Dimension.NUMBER
        case Call():
            return _called(node, lookup)
        case Negative(operand=operand):
            return static(operand, lookup)
        case PercentOf(whole=whole):
            return static(whole, lookup)
        case Binary(operator=word, left=left, right=right):
            return arithmetic(word, static(left, lookup), static(right, lookup)) or Vague.ANYTHING
    return Dimension.BOOL


def _called(call: Call, lookup: Lookup) -> Static:
    if call.name in _FIXED:
        return _FIXED[call.name]
    if call.name not in FUNCTIONS or not call.args:
        return Vague.ANYTHING
    if call.name in {"coalesce", "least", "greatest"}:
        return common([static(argument, lookup) for argument in call.args])
    found = static(call.args[0], lookup)
    told_elsewhere = call.name in OF_NUMBERS and isinstance(found, Dimension) and found not in NUMERIC
    return Vague.ANYTHING if told_elsewhere else found


def common(found: list[Static]) -> Static:
    """What several values of one kind measure together: the exact one wins over the vague ones."""
    exact = [item for item in found if isinstance(item, Dimension)]
    if not exact:
        return found[0] if len(set(found)) == 1 else Vague.ANYTHING
    return next((item for item in exact if item is not Dimension.NUMBER), exact[0])


def meets(left: Static, right: Static) -> bool:
    """Whether two values may be compared or added."""
    if left is right or Vague.ANYTHING in {left, right}:
        return True
    if Vague.UNDECLARED in {left, right}:
        return Dimension.RATIO not in {left, right}
    if Vague.QUOTIENT in {left, right}:
        return left in _PURE and right in _PURE
    return {left, right} == {Dimension.NUMBER, Dimension.BYTES}


def arithmetic(word: Operator, left: Static, right: Static) -> Static | None:
    """What arithmetic gives, None when the operands do not go together."""
    if isinstance(left, Dimension) and isinstance(right, Dimension):
        return _exact(word, left, right)
    for item in (left, right):
        if isinstance(item, Dimension) and item not in NUMERIC and item is not Dimension.TIME:
            return None
    if word in {"+", "-"}:
        return common([left, right]) if meets(left, right) else None
    if Vague.ANYTHING in {left, right} or (word == "/" and Vague.UNDECLARED in {left, right}):
        return Vague.ANYTHING
    if Dimension.TIME in {left, right}:
        return None
    if left in _PURE and right in _PURE:
        return Vague.QUOTIENT if word == "*" and Dimension.NUMBER not in {left, right} else Dimension.NUMBER
    if word == "*":
        return right if left in _PURE else left
    return left if right in _PURE else Dimension.NUMBER


def _exact(word: Operator, left: Dimension, right: Dimension) -> Static | None:
    if word in {"+", "-"} and {left, right} == {Dimension.NUMBER, Dimension.RATIO}:
        return None
    result = result_dimension(word, left, right)
    return Vague.QUOTIENT if word == "/" and result is Dimension.NUMBER and right is not Dimension.RATIO else result


def known(found: Static) -> Dimension | None:
    """The dimension that values will have, None when only evaluation can tell."""
    if isinstance(found, Dimension):
        return found
    return Dimension.NUMBER if found is Vague.QUOTIENT else None


def dimension_of(node: Node, dimensions: Mapping[str, Dimension]) -> Dimension:
    """What a node measures when columns measure that; a number when it cannot be known."""
    return known(static(node, lambda _, name: dimensions.get(name, Vague.UNDECLARED))) or Dimension.NUMBER
