"""Layers of keys, from weakest to strongest; every value keeps its node and so its origin."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from runner.config.nodes import only
from runner.model.node import Entry, MappingNode

MERGED_KEYS = frozenset({"params", "columns", "env", "requires"})
"""Mappings that are put together key by key; every other value replaces the weaker one whole."""


def merge(layers: Iterable[MappingNode]) -> MappingNode:
    """One mapping; a later layer wins. Its span is that of the strongest layer."""
    entries: dict[str, Entry] = {}
    span = None
    for layer in layers:
        for key, entry in layer.entries.items():
            entries[key] = _joined(entries[key], entry) if key in MERGED_KEYS and key in entries else entry
        span = layer.span
    return MappingNode(entries, span) if span else MappingNode(entries)


def _joined(weaker: Entry, stronger: Entry) -> Entry:
    if not isinstance(weaker.node, MappingNode) or not isinstance(stronger.node, MappingNode):
        return stronger
    entries = {**weaker.node.entries, **stronger.node.entries}
    return Entry(stronger.key_span, MappingNode(entries, stronger.node.span))


def split(node: MappingNode, keys: Collection[str]) -> tuple[MappingNode, MappingNode]:
    """The mapping with these keys, and the one with all others."""
    return only(node, keys), only(node, [key for key in node.entries if key not in keys])
