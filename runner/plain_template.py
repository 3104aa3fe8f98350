"""The part of the template language that messages use, read without importing the template engine.

What is not understood here, and whatever fails while it is filled in, is left to Jinja, which then says what is wrong. So
there are two ways to the same text, and never two texts: a test lets both read and fill in the same templates.
Jinja documentation, "Template Designer Documentation".
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

from runner.plain_tokens import FIELD, NotPlainError, pieces_of, tokens_of
from runner.plain_values import (
    PLAIN_FILTERS,
    Context,
    Expression,
    Filters,
    Value,
    applied,
    attribute_of,
    both,
    either,
    is_in,
    text_of,
)
from runner.records import dataclass

Part: TypeAlias = Callable[[Context], str]


@dataclass(frozen=True, slots=True)
class PlainTemplate:
    """`fill` raises whatever the values raise; `names` are the variables that come from the context."""

    fill: Callable[[Context], str]
    names: frozenset[str]


def read_plain(source: str, filters: Filters, shown: Callable[[Value], Value]) -> PlainTemplate | None:
    """The template, or None when more is needed than is understood here. `shown` is what `{{ value }}` prints of a value."""
    try:
        reader = _Reader(source, {**PLAIN_FILTERS, **filters}, shown)
        body = reader.body(())
    except (NotPlainError, RecursionError):
        return None
    return PlainTemplate(_joined(body), frozenset(reader.names))


def _joined(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    return lambda context: "".join([part(context) for part in parts])


_WORDS = frozenset({"and", "or", "not", "if", "else", "in", "is", "elif", "for", "endif", "endfor", "recursive"})
_MOST_BOUND = 8
"""Names of nested loops."""
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
# Names with which Jinja's own globals, or its way to write Python, would come in.
_TAKEN = _WORDS | {
    "caller", "context", "cycler", "dict", "environment", "joiner", "kwargs", "lipsum", "loop", "namespace", "range", "self",
    "super", "varargs",
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Value, Value], Value]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _of(value: Expression, name: str) -> Expression:
    return lambda context: attribute_of(value(context), name)


def _nothing(_: Context) -> str:
    return ""


class _Reader:
    """By recursive descent, with the precedence of Jinja's own parser."""

    def __init__(self, source: str, filters: Filters, shown: Callable[[Value], Value]) -> None:
        self._pieces = pieces_of(source)
        self._filters, self._shown = filters, shown
        self._at = 0
        self._tokens: list[tuple[str, str]] = []
        self._bound: list[str] = []
        self.names: set[str] = set()

    # ---- blocks

    def body(self, until: tuple[str, ...]) -> list[Part]:
        """Up to a tag that begins with one of the words, which is then what the tokens are at; without words to the end."""
        parts: list[Part] = []
        while self._at < len(self._pieces):
            kind, text = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                parts.append(lambda _, text=text: text)  # type: ignore[misc]
                continue
            if kind == "{" and (field := FIELD.fullmatch(text)):
                parts.append(self._field(*field.groups()))
                continue
            self._tokens = tokens_of(text)
            if kind == "{":
                parts.append(self._output())
            elif self._peek() in until:
                return parts
            else:
                parts.append(self._block(self._word()))
        if until:
            raise NotPlainError
        return parts

    def _field(self, name: str, attribute: str | None, filter_: str | None) -> Part:
        """`{{ name }}`, `{{ name.attribute | filter }}`: what most outputs are."""
        if name in _CONSTANTS or name == "loop" or (attribute in _WORDS):
            raise NotPlainError
        expression = self._variable("word", name)
        if attribute:
            expression = _of(expression, attribute)
        if filter_:
            expression = self._through(expression, filter_)
        return self._shows(expression)

    def _output(self) -> Part:
        return self._shows(self._whole())

    def _shows(self, expression: Expression) -> Part:
        shown = self._shown

        def output(context: Context) -> str:
            return text_of(shown(expression(context)))

        return output

    def _block(self, word: str) -> Part:
        if word == "if":
            return self._if()
        if word == "for":
            return self._for()
        raise NotPlainError

    def _if(self) -> Part:
        test = self._test()
        then = _joined(self.body(("elif", "else", "endif")))
        word = self._word()
        if word == "elif":
            other = self._if()
        else:
            other = _joined(self._rest("endif")) if word == "else" else _nothing
            self._end()
        return lambda context: then(context) if test(context) else other(context)

    def _for(self) -> Part:
        name = self._name()
        if self._word() != "in" or len(self._bound) >= _MOST_BOUND:
            raise NotPlainError
        items = self._test()
        self._bound += [name, "loop"]
        inside = _joined(self.body(("else", "endfor")))
        del self._bound[-2:]
        other = _joined(self._rest("endfor")) if self._word() == "else" else _nothing
        self._end()

        def loop(context: Context) -> str:
            many = list(items(context))
            parts = [inside({**context, name: item, "loop": {"first": at == 0}}) for at, item in enumerate(many)]
            return "".join(parts) if many else other(context)

        return loop

    def _rest(self, word: str) -> list[Part]:
        self._end()
        parts = self.body((word,))
        self._word()
        return parts

    # ---- expressions

    def _whole(self) -> Expression:
        expression = self._choice()
        self._end()
        return expression

    def _test(self) -> Expression:
        """What a block takes has no `if … else …` of its own."""
        expression = self._or()
        self._end()
        return expression

    def _choice(self) -> Expression:
        first = self._or()
        if not self._take("if"):
            return first
        test = self._or()
        if not self._take("else"):
            raise NotPlainError
        other = self._choice()
        return lambda context: first(context) if test(context) else other(context)

    def _or(self) -> Expression:
        left = self._and()
        while self._take("or"):
            left = either(left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self._take("and"):
            left = both(left, self._not())
        return left

    def _not(self) -> Expression:
        if not self._take("not"):
            return self._comparison()
        inner = self._not()
        return lambda context: not inner(context)

    def _comparison(self) -> Expression:
        left = self._sum()
        if self._peek() in _COMPARISONS:
            left = applied(left, _COMPARISONS[self._next()], self._sum())
        elif self._take("in"):
            left = applied(left, is_in, self._sum())
        elif self._peek() == "not" and self._peek(1) == "in":
            del self._tokens[:2]
            left = applied(left, lambda one, other: not is_in(one, other), self._sum())
        if self._peek() in _COMPARISONS or self._peek() in ("in", "not"):
            raise NotPlainError
        return left

    def _sum(self) -> Expression:
        left = self._concatenation()
        while self._peek() in ("+", "-"):
            left = applied(left, operator.add if self._next() == "+" else operator.sub, self._concatenation())
        return left

    def _concatenation(self) -> Expression:
        parts = [self._unary()]
        while self._take("~"):
            parts.append(self._unary())
        if len(parts) == 1:
            return parts[0]
        return lambda context: "".join([text_of(part(context)) for part in parts])

    def _unary(self) -> Expression:
        is_variable = bool(self._tokens) and self._tokens[0][0] == "word" and self._tokens[0][1] not in _CONSTANTS
        expression = self._primary()
        while self._peek() in (".", "["):
            if not is_variable:
                # Jinja computes what is constant while it reads.
                raise NotPlainError
            expression = self._looked_up(expression)
        while self._peek() in ("|", "is"):
            expression = self._filtered(expression) if self._next() == "|" else self._tested(expression)
        return expression

    def _primary(self) -> Expression:
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind == "number":
            number = float(text) if "." in text else int(text)
            return lambda _: number
        if kind == "string":
            return lambda _: text
        if text in _CONSTANTS:
            constant = _CONSTANTS[text]
            return lambda _: constant
        if text in ("(", "["):
            return self._enclosed(text)
        return self._variable(kind, text)

    def _variable(self, kind: str, text: str) -> Expression:
        if kind != "word" or (text in _TAKEN and text not in self._bound) or text.startswith("_"):
            raise NotPlainError
        if text == "loop" and (self._peek(), self._peek(1)) != (".", "first"):
            raise NotPlainError
        if text not in self._bound:
            self.names.add(text)
        return operator.itemgetter(text)

    def _enclosed(self, bracket: str) -> Expression:
        items = [self._choice()]
        if bracket == "[":
            while self._take(","):
                items.append(self._choice())
        if not self._take(")" if bracket == "(" else "]"):
            raise NotPlainError
        return items[0] if bracket == "(" else lambda context: [item(context) for item in items]

    def _looked_up(self, of: Expression) -> Expression:
        if self._next() == ".":
            return _of(of, self._name(attribute=True))
        key = self._constant()
        if not self._take("]") or (isinstance(key, str) and key.startswith("_")):
            raise NotPlainError
        return lambda context: of(context)[key]

    def _filtered(self, value: Expression) -> Expression:
        name = self._name(attribute=True)
        arguments, options = self._arguments() if self._take("(") else ([], {})
        return self._through(value, name, *arguments, **options)

    def _through(self, value: Expression, name: str, *arguments: Value, **options: Value) -> Expression:
        function = self._filters.get(name)
        if function is None:
            raise NotPlainError
        return lambda context: function(value(context), *arguments, **options)

    def _tested(self, value: Expression) -> Expression:
        wanted = not self._take("not")
        if self._word() not in ("none", "None") or self._peek() in ("if", "in", "is", "not"):
            raise NotPlainError
        return lambda context: (value(context) is None) is wanted

    def _arguments(self) -> tuple[list[Value], dict[str, Value]]:
        """Constants only."""
        arguments: list[Value] = []
        options: dict[str, Value] = {}
        while not self._take(")"):
            if self._peek(1) == "=":
                name = self._name(attribute=True)
                self._next()
                if name in options:
                    raise NotPlainError
                options[name] = self._constant()
            elif options:
                raise NotPlainError
            else:
                arguments.append(self._constant())
            if not self._take(",") and self._peek() != ")":
                raise NotPlainError
        return arguments, options

    def _constant(self) -> Value:
        known = len(self.names)
        expression = self._primary()
        if len(self.names) > known:
            raise NotPlainError
        try:
            return expression({})
        except KeyError:
            raise NotPlainError from None

    # ---- tokens

    def _peek(self, ahead: int = 0) -> str:
        kind, text = self._tokens[ahead] if len(self._tokens) > ahead else ("", "")
        return "" if kind == "string" else text

    def _next(self) -> str:
        return self._tokens.pop(0)[1]

    def _take(self, text: str) -> bool:
        if self._peek() != text:
            return False
        del self._tokens[0]
        return True

    def _word(self) -> str:
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind != "word":
            raise NotPlainError
        return text

    def _name(self, *, attribute: bool = False) -> str:
        name = self._word()
        if name.startswith("_") or name in (_WORDS if attribute else _TAKEN | _CONSTANTS.keys()):
            raise NotPlainError
        return name

    def _end(self) -> None:
        if self._tokens:
            raise NotPlainError
