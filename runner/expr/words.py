"""Expressions in words, with the values that they looked at."""

from __future__ import annotations

from typing import cast

from runner.expr.closures import value_of
from runner.expr.environment import Environment, Valued
from runner.expr.tree import (
    Between,
    Binary,
    Call,
    Compare,
    Dotted,
    Expression,
    IsNull,
    IsTruth,
    Literal,
    Logic,
    Matches,
    Name,
    Negative,
    Node,
    Not,
    PercentOf,
    RowCount,
    Within,
)
from runner.expr.values import Quantity, Value
from runner.model.quantity import Dimension

_OR, _AND, _NOT, _TEST, _SUM, _PRODUCT, _UNARY, _ATOM = range(8)
_MAX_TEXT = 60
_VALUE = "\0"
"""Where a value stands; no expression has this character."""


def in_words(expression: Expression, environment: Environment | None = None) -> str:
    """`dead_rows (150,000) > 100,000`: the values stand in parentheses when there is an environment."""
    texts, values = _template(expression)
    if environment is None:
        return "".join(texts)
    shown = [f" ({_shown(found(environment))})" for found in values]
    return "".join([piece for pair in zip(texts, [*shown, ""], strict=True) for piece in pair])


def _template(expression: Expression) -> tuple[list[str], list[Valued]]:
    """The texts around the values, and how to get these: made once, for every row asks for them."""
    found = expression.derived.get("words")
    if found is None:
        words = _Words(expression)
        texts = words.of(expression.tree, _OR).split(_VALUE)
        found = expression.derived["words"] = (texts, words.values)
    return cast("tuple[list[str], list[Valued]]", found)


class _Words:
    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self.values: list[Valued] = []

    def of(self, node: Node, power: int) -> str:
        words = self.words(node)
        return f"({words})" if _power(node) < power else words

    def words(self, node: Node) -> str:
        match node:
            case Literal():
                return _literal(node)
            case Name() | Dotted() | RowCount() | Call():
                return self.with_value(node)
            case Negative(operand=operand):
                return f"-{self.of(operand, _UNARY)}"
            case PercentOf(share=share, whole=whole):
                return f"{_literal(share)} of {self.of(whole, _UNARY)}"
            case Binary(operator=operator, left=left, right=right):
                power = _power(node)
                return f"{self.of(left, power)} {operator} {self.of(right, power + 1)}"
            case Logic(operator=word, parts=parts):
                return f" {word} ".join(self.of(part, _power(node) + 1) for part in parts)
            case Not(operand=operand):
                return f"not {self.of(operand, _NOT)}"
        return self.test(node)

    def test(self, node: Node) -> str:
        match node:
            case Compare(operator=operator, left=left, right=right):
                return f"{self.of(left, _SUM)} {operator} {self.of(right, _SUM)}"
            case Between(operand=operand, low=low, high=high, negated=negated):
                bounds = f"{self.of(low, _SUM)} and {self.of(high, _SUM)}"
                return f"{self.of(operand, _SUM)} {'not ' if negated else ''}between {bounds}"
            case Within(operand=operand, options=options, negated=negated):
                listed = ", ".join(self.of(option, _OR) for option in options)
                return f"{self.of(operand, _SUM)} {'not ' if negated else ''}in ({listed})"
            case Matches(operand=operand, pattern=pattern, negated=negated):
                return f"{self.of(operand, _SUM)} {'not ' if negated else ''}matches {_quoted(pattern.pattern)}"
            case IsNull(operand=operand, negated=negated):
                return f"{self.of(operand, _SUM)} is {'not ' if negated else ''}null"
            case IsTruth(operand=operand, wanted=wanted, negated=negated):
                return f"{self.of(operand, _SUM)} is {'not ' if negated else ''}{str(wanted).lower()}"
        raise AssertionError(f"not a test: {type(node).__name__}")

    def with_value(self, node: Node) -> str:
        self.values.append(value_of(self._expression, node))
        return f"{self._expression.text[node.start : node.end]}{_VALUE}"


def _power(node: Node) -> int:
    match node:
        case Logic(operator=word):
            return _OR if word == "or" else _AND
        case Not():
            return _NOT
        case Compare() | Between() | Within() | Matches() | IsNull() | IsTruth():
            return _TEST
        case Binary(operator=operator):
            return _SUM if operator in "+-" else _PRODUCT
        case PercentOf() | Negative():
            return _UNARY
    return _ATOM


def _literal(node: Literal) -> str:
    if node.dimension is Dimension.TEXT:
        return _quoted(str(node.value))
    if node.dimension is Dimension.BOOL:
        return str(node.value).lower()
    number = f"{node.number:,}" if isinstance(node.number, int) else f"{node.number:,f}"
    return f"{number} {node.unit}" if node.unit else number


def _shown(found: Value) -> str:
    if not isinstance(found, Quantity):
        return "null" if found is None else "unknown"
    text = str(found)
    text = text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"
    return f"'{text}'" if found.dimension is Dimension.TEXT else text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
