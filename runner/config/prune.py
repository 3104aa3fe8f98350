"""Leaves out the parts of a document that are wrong, so that the rest still works."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runner.model.node import Entry, MappingNode, Node, SequenceNode

Path = tuple["str | int", ...]


def pruned(node: MappingNode, paths: Iterable[Path]) -> MappingNode:
    """The mapping without what the paths lead to: entries of its sections, or whole keys."""
    by_key: dict[str | int, set[str | int]] = {}
    dropped: set[str | int] = set()
    for path in paths:
        if len(path) >= 2:
            by_key.setdefault(path[0], set()).add(path[1])
        elif path:
            dropped.add(path[0])
    return MappingNode(
        {
            key: Entry(entry.key_span, _section(entry.node, by_key.get(key, set())))
            for key, entry in node.entries.items()
            if key not in dropped
        },
        node.span,
    )


def _section(node: Node, dropped: set[str | int]) -> Node:
    if isinstance(node, MappingNode):
        return MappingNode({key: entry for key, entry in node.entries.items() if key not in dropped}, node.span)
    if isinstance(node, SequenceNode):
        return SequenceNode(tuple(item for index, item in enumerate(node.items) if index not in dropped), node.span)
    return node


def each_part(
    node: MappingNode, change: Callable[[Node], Node], failures: Callable[[], int]
) -> tuple[MappingNode, list[Path]]:
    """Changes the entries of every section one by one; the paths are those during which failures were counted."""
    failed: list[Path] = []

    def attempt(part: Node, path: Path) -> Node:
        before = failures()
        changed = change(part)
        if failures() > before:
            failed.append(path)
        return changed

    entries: dict[str, Entry] = {}
    for key, entry in node.entries.items():
        section = entry.node
        if isinstance(section, MappingNode):
            parts = {
                name: Entry(part.key_span, attempt(_named(name, part), (key, name)))
                for name, part in section.entries.items()
            }
            section = MappingNode({name: _unnamed(part, name) for name, part in parts.items()}, section.span)
        elif isinstance(section, SequenceNode):
            items = tuple(attempt(item, (key, index)) for index, item in enumerate(section.items))
            section = SequenceNode(items, section.span)
        else:
            section = attempt(section, (key,))
        entries[key] = Entry(entry.key_span, section)
    return MappingNode(entries, node.span), failed


def _named(name: str, entry: Entry) -> MappingNode:
    """The entry as a mapping of its own, so that a change sees the key."""
    return MappingNode({name: entry}, entry.node.span)


def _unnamed(entry: Entry, name: str) -> Entry:
    inner = entry.node
    return inner.entries[name] if isinstance(inner, MappingNode) else entry
