"""Answers to what people write by mistake: each says what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from runner.errors import ExpressionError
from runner.expr.lexer import Token
from runner.expr.problems import error
from runner.model.suggest import nearest

_COMPARISONS: Final = frozenset({">", ">=", "<", "<=", "=", "==", "!=", "<>"})
_WORDS: Final = {
    "like": "use `matches` with a regular expression: `name matches '^orders_'`",
    "ilike": "use `matches` with `(?i)`: `name matches '(?i)^orders_'`",
    "similar": "use `matches` with a regular expression",
    "equals": "use `=`",
    "eq": "use `=`",
    "gt": "use `>`",
    "lt": "use `<`",
    "above": "use `>`",
    "over": "use `>`",
    "below": "use `<`",
    "under": "use `<`",
    "isnull": "use `is null`",
    "notnull": "use `is not null`",
    "contains": "use `contains(text, part)`",
    "percent": "use `%`",
}


def not_a_value(token: Token, before: Token | None, following: Token) -> ExpressionError:
    """Something stands where a column, a number or a function should."""
    start, end = token.start, token.end
    if token.kind == "end":
        word = before.text if before else ""
        return error(f"something is missing after `{word}`", before.start if before else 0, end, hint=_example(word))
    if token.text in _COMPARISONS:
        if before and before.text in _COMPARISONS:
            joined = f"`{before.text}=`" if before.text in {">", "<"} and token.text == "=" else "one of them"
            return error(
                f"`{before.text}` and `{token.text}` stand together", before.start, end, hint=f"write {joined}"
            )
        shown = following.text or "5"
        hint = f"name a column: `dead_rows {token.text} {shown}`"
        return error(f"there is nothing to the left of `{token.text}`", start, end, hint=hint)
    if token.text == "null":
        return error("`null` is no value", start, end, hint="use `is null`, `is not null` or `coalesce(x, 0)`")
    if token.text == "+":
        return error("a number has no plus sign", start, end, hint="write the number alone")
    if token.text == "." and following.kind == "number":
        return error("a number begins with a digit", start, following.end, hint=f"write 0.{following.text}")
    if token.text == "*":
        return error("`*` needs a value on its left", start, end, hint="to count the rows write `rows`")
    return error(f"`{token.text}` cannot stand here", start, end, hint="a column, a number or a function is expected")


def _example(word: str) -> str:
    return f"for example `{word} 5`" if word in _COMPARISONS else "the expression ends too early"


def after_expression(token: Token, before: Token | None, text: str) -> ExpressionError:
    """A complete expression is followed by something that does not continue it."""
    start, end = token.start, token.end
    word = text[start:end]
    if token.text == ")":
        return error("this `)` closes nothing", start, end, hint="remove it, or add `(`")
    if token.text == "%":
        return error("there is no remainder operator", start, end, hint="a share is written `x > 80% of y`")
    if token.kind == "name" and token.text.lower() in _WORDS:
        return error(f"`{word}` is no operator", start, end, hint=_WORDS[token.text.lower()])
    if before and before.text == "%":
        return error("a share needs `of`", before.start, end, hint=f"write `% of {word}`")
    if token.kind == "name" and (near := nearest(word, ("and", "or", "not", "between", "in", "matches", "is"))):
        return error(f"`{word}` is no operator", start, end, hint=f"did you mean `{near}`?")
    if token.text == ",":
        return error("a comma separates only arguments", start, end, hint="numbers are written 100000 or 100_000")
    return error(f"an operator is missing before `{word}`", start, end, hint="join conditions with `and` or `or`")


def after_number(number: Token, token: Token, following: Token, text: str) -> ExpressionError | None:
    """Two numbers in a row, a comma inside a number, or `80 of x`."""
    if token.kind == "number":
        joined = f"{number.text}{token.text}"
        if token.start > number.end and text[number.start : token.start].strip() == number.text:
            hint = f"write {joined} or {number.text}_{token.text}"
            return error("a number has no spaces", number.start, token.end, hint=hint)
        first = text[number.start : token.start].strip()
        hint = f"add them: `{first} + {token.text}{following.text}`"
        return error("two quantities stand together", number.start, token.end, hint=hint)
    if token.text == "of":
        return error("only a share is `of` something", number.start, token.end, hint=f"write `{number.text}% of`")
    if following.kind == "number" and following.start == token.end and len(following.text) == 3:
        hint = f"write {number.text}{following.text} or {number.text}_{following.text}"
        return error("a number has no commas", number.start, following.end, hint=hint)
    return None


def stray_word(token: Token, end: int, column: str, spaces: Iterable[str]) -> ExpressionError:
    """`t.dead_rows`: a dot after something that is not one of the four spaces."""
    near = nearest(token.text, spaces)
    hint = f"did you mean `{near}.{column}`?" if near else f"columns stand alone: `{column}`"
    return error(f"`{token.text}.` is nothing that can be looked into", token.start, end, hint=hint)
