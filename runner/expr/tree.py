"""Expressions as trees of frozen nodes that know their place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from typing import Literal as Word, TypeAlias

from runner.model.quantity import Dimension
from runner.records import dataclass

CompareWord: TypeAlias = Word[">", ">=", "<", "<=", "=", "!="]
Operator: TypeAlias = Word["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text or truth value in its base unit; `number` and `unit` as they were written."""

    start: int
    end: int
    value: int | Decimal | str | bool
    dimension: Dimension
    number: int | Decimal = 0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the row."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Dotted:
    """`previous.x`, `params.x`, `before.x` or `after.x`."""

    start: int
    end: int
    space: str
    name: str


@dataclass(frozen=True, slots=True)
class RowCount:
    """`rows`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function; `name_end` is where its name ends."""

    start: int
    end: int
    name: str
    name_end: int
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negative:
    """`-x`."""

    start: int
    end: int
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic."""

    start: int
    end: int
    operator: Operator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class PercentOf:
    """`80% of x`."""

    start: int
    end: int
    share: Literal
    whole: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; `==` and `<>` are already `=` and `!=`."""

    start: int
    end: int
    operator: CompareWord
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between:
    """`x between low and high`, both included."""

    start: int
    end: int
    operand: Node
    low: Node
    high: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Within:
    """`x in (a, b)`."""

    start: int
    end: int
    operand: Node
    options: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Matches:
    """`x matches 'pattern'`."""

    start: int
    end: int
    operand: Node
    pattern: re.Pattern[str]
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """`x is null`."""

    start: int
    end: int
    operand: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class IsTruth:
    """`x is true`, `x is not false`."""

    start: int
    end: int
    operand: Node
    wanted: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    """`not x`."""

    start: int
    end: int
    operand: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """`a and b and c`, or the same with `or`."""

    start: int
    end: int
    operator: Word["and", "or"]
    parts: tuple[Node, ...]


Node: TypeAlias = (
    "Literal | Name | Dotted | RowCount | Call | Negative | Binary | PercentOf | Compare | Between | Within"
    " | Matches | IsNull | IsTruth | Not | Logic"
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed text. Equal texts are equal expressions; what is derived from the tree is kept beside it."""

    text: str
    tree: Node = field(repr=False, compare=False)
    derived: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node, from left to right."""
    match node:
        case Literal() | Name() | Dotted() | RowCount():
            return ()
        case Call(args=nodes) | Logic(parts=nodes):
            return nodes
        case Binary(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case PercentOf(share=share, whole=whole):
            return (share, whole)
        case Between(operand=operand, low=low, high=high):
            return (operand, low, high)
        case Within(operand=operand, options=options):
            return (operand, *options)
        case _:
            return (node.operand,)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(children(current)))
