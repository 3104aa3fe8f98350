"""Values that do not go together: a count beside a duration, text where a condition belongs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, cast

from runner.errors import ExpressionError
from runner.expr.arithmetic import NAMES
from runner.expr.dimensions import OF_NUMBERS, Lookup, Static, Vague, arithmetic, meets, static
from runner.expr.problems import TYPE, UNIT, error
from runner.expr.tree import (
    Between,
    Binary,
    Call,
    Compare,
    Expression,
    IsTruth,
    Literal,
    Logic,
    Matches,
    Name,
    Negative,
    Node,
    Not,
    PercentOf,
    Within,
    walk,
)
from runner.expr.values import NUMERIC
from runner.model.quantity import Dimension, show_number

_TEXT_ONLY: Final = frozenset({"lower", "upper", "trim", "length", "contains", "starts_with", "ends_with"})
_CONDITIONS: Final = frozenset({"count", "any", "all"})
_ALIKE: Final = frozenset({"coalesce", "least", "greatest", "nullif"})


def problems_of_units(expression: Expression, lookup: Lookup) -> Iterator[ExpressionError]:
    """Every conflict in the tree, each at the node where it arises."""
    return _Units(expression.text, lookup).all(expression.tree)


class _Units:
    def __init__(self, text: str, lookup: Lookup) -> None:
        self._text = text
        self._lookup = lookup

    def kind(self, node: Node) -> Static:
        return static(node, self._lookup)

    def text(self, node: Node) -> str:
        return self._text[node.start : node.end]

    def all(self, tree: Node) -> Iterator[ExpressionError]:
        for node in walk(tree):
            yield from self.problems(node)

    def problems(self, node: Node) -> Iterator[ExpressionError]:
        match node:
            case Compare(left=left, right=right):
                yield from self.pair(node, left, right)
            case Between(operand=operand, low=low, high=high):
                yield from self.pair(node, operand, low)
                yield from self.pair(node, operand, high)
            case Within(operand=operand, options=options):
                for option in options:
                    yield from self.pair(option, operand, option)
            case Binary(operator=word, left=left, right=right):
                if arithmetic(word, self.kind(left), self.kind(right)) is None:
                    yield self.conflict(node, left, right)
            case PercentOf(whole=operand) | Negative(operand=operand):
                yield from self.of_numbers(operand, "this")
            case Call():
                yield from self.arguments(node)
            case _:
                yield from self.tests(node)

    def tests(self, node: Node) -> Iterator[ExpressionError]:
        match node:
            case Matches(operand=operand):
                yield from self.of_texts(operand, "`matches`")
            case Not(operand=operand) | IsTruth(operand=operand):
                yield from self.of_conditions(operand, node)
            case Logic(parts=parts):
                for part in parts:
                    yield from self.of_conditions(part, node)

    def pair(self, place: Node, left: Node, right: Node) -> Iterator[ExpressionError]:
        if not meets(self.kind(left), self.kind(right)):
            yield self.conflict(place, left, right)

    def conflict(self, place: Node, left: Node, right: Node) -> ExpressionError:
        one, other = self.kind(left), self.kind(right)
        message = f"`{self.text(left)}` is {_named(one)}, `{self.text(right)}` is {_named(other)}"
        return error(message, place.start, place.end, hint=self.advice(left, right, one, other), code=UNIT)

    def advice(self, left: Node, right: Node, one: Static, other: Static) -> str:
        plain = (Dimension.NUMBER, Vague.UNDECLARED, Vague.QUOTIENT)
        sides = {one, other}
        number = left if one in plain else right
        column = self.text(number) if isinstance(number, Name) else "x"
        if sides & set(plain) and Dimension.SECONDS in sides:
            if isinstance(number, Literal):
                return f"write the unit: {self.text(number)}s, {self.text(number)}min, {self.text(number)}h"
            return f"say what the column is in, for example `columns: {{{column}: ms}}`"
        if sides & set(plain) and Dimension.RATIO in sides:
            return self.advice_for_share(left, right, number, column)
        if Dimension.TEXT in sides and (quoted := left if isinstance(left, Literal) else right):
            name = str(quoted.value) if isinstance(quoted, Literal) else ""
            if name.isidentifier() and self._lookup("", name) is not Vague.UNDECLARED:
                return f"names stand without quotes: {name}"
        if Dimension.TIME in sides:
            return "for how long ago a time is write `age(x) > 7d`"
        return "compare values of one kind; columns are declared under `columns:`"

    def advice_for_share(self, left: Node, right: Node, number: Node, column: str) -> str:
        if isinstance(number, Literal):
            written = cast("Decimal", number.number)
            return f"write {show_number(written * 100)}%" if written <= 1 else f"write {self.text(number)}%"
        share = right if number is left else left
        shown = self.text(share) if isinstance(share, Literal) else "80%"
        return f"write `{column} > {shown} of y`, or declare `columns: {{{column}: percent}}` (or ratio)"

    def of_numbers(self, operand: Node, name: str) -> Iterator[ExpressionError]:
        found = self.kind(operand)
        if isinstance(found, Dimension) and found not in NUMERIC:
            message = f"{name} wants a number, and `{self.text(operand)}` is {_named(found)}"
            yield error(message, operand.start, operand.end, hint="name a column of numbers", code=UNIT)

    def of_texts(self, operand: Node, name: str) -> Iterator[ExpressionError]:
        found = self.kind(operand)
        if (isinstance(found, Dimension) and found is not Dimension.TEXT) or found is Vague.QUOTIENT:
            message = f"{name} wants text, and `{self.text(operand)}` is {_named(found)}"
            yield error(message, operand.start, operand.end, hint="name a column of text", code=UNIT)

    def of_conditions(self, operand: Node, around: Node) -> Iterator[ExpressionError]:
        found = self.kind(operand)
        if (isinstance(found, Dimension) and found is not Dimension.BOOL) or found is Vague.QUOTIENT:
            message = f"a condition is wanted here, and `{self.text(operand)}` is {_named(found)}"
            hint = f"compare it: `{self.text(operand)} > …`"
            if found is Dimension.TEXT and isinstance(around, Logic) and isinstance(around.parts[0], Compare):
                hint = f"write `{self.text(around.parts[0].left)} in (…, {self.text(operand)})`"
            yield error(message, operand.start, operand.end, hint=hint, code=TYPE)

    def arguments(self, call: Call) -> Iterator[ExpressionError]:
        name = f"`{call.name}`"
        if call.name in _CONDITIONS:
            for argument in call.args:
                yield from self.of_conditions(argument, call)
        elif call.name in _TEXT_ONLY:
            for argument in call.args:
                yield from self.of_texts(argument, name)
        elif call.name in OF_NUMBERS:
            yield from self.of_numbers(call.args[0], name) if call.args else ()
            if call.name == "eta" and len(call.args) > 1:
                yield from self.pair(call.args[1], call.args[0], call.args[1])
        elif call.name in _ALIKE:
            for argument in call.args[1:]:
                yield from self.pair(argument, call.args[0], argument)
        elif call.name == "age" and call.args:
            yield from self.of_times(call.args[0])

    def of_times(self, operand: Node) -> Iterator[ExpressionError]:
        found = self.kind(operand)
        if (isinstance(found, Dimension) and found is not Dimension.TIME) or found is Vague.QUOTIENT:
            message = f"`age` wants a time, and `{self.text(operand)}` is {_named(found)}"
            yield error(message, operand.start, operand.end, hint="name a column of timestamps", code=UNIT)


def _named(found: Static) -> str:
    if isinstance(found, Dimension):
        return NAMES[found]
    return {Vague.QUOTIENT: "a quotient", Vague.UNDECLARED: "not declared", Vague.ANYTHING: "not known"}[found]
