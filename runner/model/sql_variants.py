"""SQL that differs between server versions: `sql:` is one text, or a map from major version to text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from runner.model.diagnostic import Span
from runner.model.node import MappingNode, Node, Scalar
from runner.records import dataclass

ANY_MAJOR = 0
"""The major version of a text that is not bound to one."""


class Complains(Protocol):
    """The part of a compile context that is used here."""

    def complain(self, code: str, span: Span, message: str, hint: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlVariants:
    """SQL texts by the lowest major version that each is for; `nodes` know where they stand."""

    variants: Mapping[int, str]
    nodes: Mapping[int, Scalar] = field(default_factory=dict, repr=False, compare=False)

    @property
    def lowest(self) -> int:
        """The oldest major version that has a text; 0 when every version has."""
        return min(self.variants, default=ANY_MAJOR)

    def chosen(self, major: int) -> int | None:
        """The key whose text the server gets: the highest not above its major version."""
        return max((key for key in self.variants if key <= major), default=None)

    def pick(self, major: int) -> str | None:
        """The text for a server of this major version, None when it is too old for all."""
        key = self.chosen(major)
        return None if key is None else self.variants[key]


def read_sql(node: Node, context: Complains) -> SqlVariants:
    """The variants of a `sql:` key; what is wrong is complained about and left out."""
    if isinstance(node, Scalar):
        return _variants({ANY_MAJOR: node}, context)
    if isinstance(node, MappingNode) and node.entries:
        return _by_major(node, context)
    context.complain("bad-value", node.span, "SQL must be a text, or a map from major version to text", _EXAMPLE)
    return SqlVariants(variants={})


_EXAMPLE = "for example `sql: select …`, or `sql: {14: select …, 17: select …}`"


def _by_major(node: MappingNode, context: Complains) -> SqlVariants:
    found: dict[int, Scalar] = {}
    for key, entry in node.entries.items():
        if not (key.isascii() and key.isdigit() and 0 < int(key[:4]) < 1000):
            context.complain("bad-value", entry.key_span, f"`{key}` is not a major version of PostgreSQL", _EXAMPLE)
        elif isinstance(entry.node, Scalar):
            found[int(key)] = entry.node
        else:
            context.complain("bad-value", entry.node.span, f"the SQL for version {key} must be a text", _EXAMPLE)
    return _variants(found, context)


def _variants(nodes: Mapping[int, Scalar], context: Complains) -> SqlVariants:
    kept: dict[int, Scalar] = {}
    for major, node in nodes.items():
        if isinstance(node.value, str) and node.value.strip():
            kept[major] = node
        else:
            context.complain("bad-value", node.span, "the SQL is empty or not a text", _EXAMPLE)
    return SqlVariants(variants={major: str(node.value) for major, node in kept.items()}, nodes=kept)
