"""Which targets a job, a route or a silence means."""

from __future__ import annotations

from runner.config.nodes import text_of, texts_of
from runner.model.node import MappingNode, Node
from runner.model.target import Selector


def read_selector(node: Node | None) -> Selector:
    """A name, a list of names, a map of labels, or both as `{names: […], labels: {…}}`."""
    if node is None:
        return Selector()
    if not isinstance(node, MappingNode):
        return Selector(names=texts_of(node, ("*",)))
    if _is_explicit(node):
        return Selector(names=texts_of(node.get("names"), ("*",)), labels=_labels(node.get("labels")))
    return Selector(labels=_labels(node))


def name_nodes(node: Node | None) -> Node | None:
    """The part of a selection that holds names, for complaints at their place."""
    if isinstance(node, MappingNode):
        return node.get("names") if _is_explicit(node) else None
    return node


def _is_explicit(node: MappingNode) -> bool:
    return bool(node.entries) and set(node.entries) <= {"names", "labels"}


def _labels(node: Node | None) -> dict[str, str]:
    if not isinstance(node, MappingNode):
        return {}
    return {key: text_of(entry.node) for key, entry in node.entries.items()}
