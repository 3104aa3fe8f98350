"""From tokens to a tree: a Pratt parser with a bounded depth."""

from __future__ import annotations

import re
import warnings
from decimal import Decimal
from typing import Final, Literal as Word, cast

from runner.errors import ExpressionError
from runner.expr.lexer import Token, tokens
from runner.expr.mistakes import after_expression, after_number, not_a_value, stray_word
from runner.expr.numbers import in_unit, read_number, scale, unknown_unit
from runner.expr.problems import LIMIT, error
from runner.expr.tree import (
    Between,
    Binary,
    Call,
    Compare,
    CompareWord,
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
from runner.model.quantity import Dimension

MAX_DEPTH: Final = 50
SPACES: Final = frozenset({"previous", "params", "before", "after"})
_OR, _AND, _NOT, _TEST, _SUM, _PRODUCT, _UNARY = range(1, 8)
_COMPARE: Final = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "=": "=", "==": "=", "!=": "!=", "<>": "!="}
_POWER: Final = {
    "or": _OR, "and": _AND, "between": _TEST, "in": _TEST, "matches": _TEST, "is": _TEST, "not": _TEST,
    **dict.fromkeys(_COMPARE, _TEST), "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT,
}  # fmt: skip


def parse(text: str) -> Expression:
    """The expression of a text. Raises ExpressionError with the offsets of what is wrong."""
    return Expression(text, _Parser(text).whole())


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.depth = 0
        self.lists = 0
        self.heights: dict[int, int] = {}

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    @property
    def last(self) -> Token | None:
        return self.tokens[self.place - 1] if self.place else None

    def take(self) -> Token:
        token = self.here
        self.place += token.kind != "end"
        return token

    def ended(self) -> bool:
        return self.here.kind == "end"

    def at(self, *words: str) -> bool:
        return self.here.kind in {"sign", "keyword"} and self.here.text in words

    def expect(self, word: str, why: str) -> Token:
        if not self.at(word):
            token = self.here
            found = f"instead of `{self.text[token.start : token.end]}`" if token.kind != "end" else "at the end"
            raise error(f"`{word}` is missing {found}", token.start, token.end, hint=why)
        return self.take()

    def whole(self) -> Node:
        if self.ended():
            raise error("the expression is empty", 0, len(self.text), hint="for example `dead_rows > 100_000`")
        node = self.expression(0)
        if not self.ended():
            raise after_expression(self.here, self.last, self.text)
        return node

    def expression(self, power: int) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep(self.here.start, self.here.end)
        left = self.prefix()
        while self.here.kind in {"sign", "keyword"} and _POWER.get(self.here.text, 0) > power:
            left = self.infix(left)
        self.depth -= 1
        return left

    def too_deep(self, start: int, end: int) -> ExpressionError:
        hint = "compute parts of it in SQL, or as computed columns"
        return error(f"the expression is nested deeper than {MAX_DEPTH} levels", start, end, hint=hint, code=LIMIT)

    def made(self, node: Node, *below: Node) -> Node:
        """Keeps the height of the tree bounded: long chains of one operator are deep trees too."""
        height = 1 + max((self.heights.get(id(child), 1) for child in below), default=0)
        if height > MAX_DEPTH:
            raise self.too_deep(node.start, node.end)
        self.heights[id(node)] = height
        return node

    # ---- what an operand begins with

    def prefix(self) -> Node:
        before, token = self.last, self.take()
        match token.kind:
            case "number":
                return self.number(token)
            case "string":
                return Literal(token.start, token.end, token.text, Dimension.TEXT)
            case "name":
                return self.name(token)
            case "keyword" if token.text in {"true", "false"}:
                return Literal(token.start, token.end, token.text == "true", Dimension.BOOL)
            case "keyword" if token.text == "rows":
                return RowCount(token.start, token.end)
            case "keyword" if token.text == "not":
                operand = self.expression(_NOT)
                return self.made(Not(token.start, operand.end, operand), operand)
            case "sign" if token.text == "-":
                operand = self.expression(_UNARY)
                return self.made(Negative(token.start, operand.end, operand), operand)
            case "sign" if token.text == "(":
                return self.group(token)
        raise not_a_value(token, before, self.here)

    def group(self, opening: Token) -> Node:
        inner = self.expression(0)
        if self.ended():
            raise error("this `(` is never closed", opening.start, opening.end, hint="add `)`")
        if not self.at(")"):
            raise after_expression(self.here, self.last, self.text)
        self.take()
        return inner

    def number(self, token: Token) -> Node:
        number = read_number(token.text, token.start)
        unit = self.here
        adjacent = unit.start == token.end
        if self.at("%"):
            return self.percent(token, number)
        if unit.kind == "name" or (adjacent and unit.kind == "keyword"):
            measured = in_unit(number, self.text[unit.start : unit.end])
            if measured is None:
                raise unknown_unit(token.text, self.text[unit.start : unit.end], token.start, unit.end)
            self.take()
            self.refuse_second_number(token)
            return Literal(token.start, unit.end, *measured, number, unit.text)
        self.refuse_second_number(token)
        return Literal(token.start, token.end, number, Dimension.NUMBER, number)

    def percent(self, token: Token, number: int | Decimal) -> Node:
        sign = self.take()
        value = scale(number, Decimal("0.01"))
        share = Literal(token.start, sign.end, value, Dimension.RATIO, number, "%")
        if self.at("of"):
            self.take()
            whole = self.expression(_UNARY)
            return self.made(PercentOf(token.start, whole.end, share, whole), whole)
        return share

    def refuse_second_number(self, token: Token) -> None:
        if self.here.kind == "number" or self.at("of", ","):
            answer = after_number(token, self.here, self.tokens[self.place + 1], self.text)
            if answer and not (self.at(",") and self.lists):
                raise answer

    # ---- names

    def name(self, token: Token) -> Node:
        parts = [token]
        while self.at("."):
            self.take()
            if self.here.kind not in {"name", "keyword"}:
                raise error("a name is missing after the `.`", self.here.start, self.here.end)
            parts.append(self.take())
        written = ".".join(self.text[part.start : part.end] for part in parts)
        end = parts[-1].end
        if self.at("("):
            return self.call(written, token.start, end)
        if len(parts) == 1:
            return Name(token.start, end, written)
        if len(parts) == 2 and token.text in SPACES:
            return Dotted(token.start, end, token.text, self.text[parts[1].start : end])
        raise stray_word(token, end, parts[-1].text, SPACES)

    def call(self, name: str, start: int, name_end: int) -> Node:
        self.take()
        args = [] if self.at(")") else self.listed()
        if not self.ended() and not self.at(")"):
            raise after_expression(self.here, self.last, self.text)
        closing = self.expect(")", f"the arguments of `{name}(` end with `)`")
        return self.made(Call(start, closing.end, name, name_end, tuple(args)), *args)

    def listed(self) -> list[Node]:
        self.lists += 1
        items = [self.expression(0)]
        while self.at(","):
            self.take()
            items.append(self.expression(0))
        self.lists -= 1
        return items

    # ---- what follows an operand

    def infix(self, left: Node) -> Node:
        token = self.take()
        match token.text:
            case "and":
                return self.logic("and", left)
            case "or":
                return self.logic("or", left)
            case "+" | "-" | "*" | "/":
                right = self.expression(_POWER[token.text])
                return self.made(Binary(left.start, right.end, token.text, left, right), left, right)
        node = self.test(left, token)
        if self.here.kind in {"sign", "keyword"} and _POWER.get(self.here.text) == _TEST:
            hint = "write `x between 1 and 5`, or join two comparisons with `and`"
            raise error("comparisons cannot be chained", self.here.start, self.here.end, hint=hint)
        return node

    def logic(self, operator: Word["and", "or"], left: Node) -> Node:
        parts = [left, self.expression(_POWER[operator])]
        while self.at(operator):
            self.take()
            parts.append(self.expression(_POWER[operator]))
        return self.made(Logic(left.start, parts[-1].end, operator, tuple(parts)), *parts)

    def test(self, left: Node, token: Token) -> Node:
        negated = token.text == "not"
        word = self.take() if negated else token
        match word.text:
            case "between":
                return self.between(left, negated)
            case "in":
                return self.within(left, negated)
            case "matches":
                return self.matches(left, negated)
            case "is" if not negated:
                return self.identity(left)
        if negated:
            hint = "`not` stands before a comparison (`not x > 5`), or in `not between`, `not in`, `not matches`"
            raise error("`not` cannot stand here", token.start, token.end, hint=hint)
        if self.at("null"):
            word_for = "is not null" if token.text in {"!=", "<>"} else "is null"
            raise error("nothing equals null", token.start, self.here.end, hint=f"use `{word_for}`")
        right = self.expression(_TEST)
        operator = cast("CompareWord", _COMPARE[token.text])
        return self.made(Compare(left.start, right.end, operator, left, right), left, right)

    def between(self, left: Node, negated: bool) -> Node:
        low = self.expression(_TEST)
        self.expect("and", "write `x between 1 and 5`")
        high = self.expression(_TEST)
        return self.made(Between(left.start, high.end, left, low, high, negated), left, low, high)

    def within(self, left: Node, negated: bool) -> Node:
        self.expect("(", "write the values in parentheses: `x in ('a', 'b')`")
        options = self.listed()
        closing = self.expect(")", "the values after `in` stand in parentheses, with commas between")
        return self.made(Within(left.start, closing.end, left, tuple(options), negated), left, *options)

    def matches(self, left: Node, negated: bool) -> Node:
        token = self.take()
        if token.kind != "string":
            hint = "write `name matches '^orders'`"
            raise error("`matches` wants a pattern in quotes", token.start, token.end, hint=hint)
        return self.made(Matches(left.start, token.end, left, _pattern(token), negated), left)

    def identity(self, left: Node) -> Node:
        negated = self.at("not")
        if negated:
            self.take()
        token = self.take()
        if token.kind != "keyword" or token.text not in {"null", "true", "false"}:
            hint = "compare values with `=`"
            raise error("`is` is followed by null, true or false", token.start, token.end, hint=hint)
        if token.text == "null":
            return self.made(IsNull(left.start, token.end, left, negated), left)
        return self.made(IsTruth(left.start, token.end, left, token.text == "true", negated), left)


def _pattern(token: Token) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(token.text)
    except (re.error, OverflowError, RecursionError) as problem:
        message = f"the pattern is no regular expression: {str(problem)[:200]}"
        raise error(message, token.start, token.end, hint="special signs are written with a backslash") from None
