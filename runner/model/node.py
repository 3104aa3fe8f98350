"""A YAML document as immutable nodes that know where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import TypeAlias

from runner.model.diagnostic import BUILT_IN, Span
from runner.records import dataclass

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `offsets[i]` is the (line, column) of character i of a text value, when it is known.

    `written` is a number or truth value as the file spells it, so that `1.10` can still be read as a version.
    """

    value: bool | int | float | str | None
    span: Span = BUILT_IN
    style: str = ""
    offsets: Sequence[tuple[int, int]] = field(default=(), repr=False, compare=False)
    written: str = field(default="", repr=False, compare=False)

    @property
    def text(self) -> str:
        """The value as text, in the file's own spelling."""
        return self.written or ("" if self.value is None else str(self.value))

    def locate(self, start: int, end: int) -> Span:
        """The span of the characters start to end (exclusive) of this text, or of the whole value."""
        if not self.offsets or start >= len(self.offsets):
            return self.span
        line, column = self.offsets[start]
        last_line, last_column = self.offsets[min(max(end, start + 1), len(self.offsets)) - 1]
        return Span(self.span.file, line, column, last_line, last_column + 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping and its value; both have a position."""

    key_span: Span
    node: Node


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping; keys are unique texts in the order of the file."""

    entries: Mapping[str, Entry]
    span: Span = BUILT_IN

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.node if entry else None

    def key_span(self, key: str) -> Span:
        """Where the key stands, or the mapping when it has no such key."""
        entry = self.entries.get(key)
        return entry.key_span if entry else self.span


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list of nodes."""

    items: tuple[Node, ...]
    span: Span = BUILT_IN


Node: TypeAlias = "Scalar | MappingNode | SequenceNode"


def plain(node: Node | None) -> Plain:
    """The value without positions, as the standard types that JSON has."""
    if node is None:
        return None
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def built_in(value: object, span: Span = BUILT_IN) -> Node:
    """A node made from plain data: defaults that stand in no file."""
    if isinstance(value, dict):
        return MappingNode({str(key): Entry(span, built_in(item, span)) for key, item in value.items()}, span)
    if isinstance(value, (list, tuple)):
        return SequenceNode(tuple(built_in(item, span) for item in value), span)
    if value is None or isinstance(value, (bool, int, float, str)):
        return Scalar(value, span)
    raise TypeError(f"not a YAML value: {type(value).__name__}")
