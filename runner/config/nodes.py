"""Small tools for nodes: lists of texts, durations, and values that came from the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from runner.config.scalars import resolve
from runner.errors import ScheduleError
from runner.model.diagnostic import Diagnostic
from runner.model.node import Entry, MappingNode, Node, Scalar, SequenceNode
from runner.model.quantity import parse_duration
from runner.model.secret import Secret

INTERPOLATED: Final = "$"
"""The style of a text that was put together from `${…}`; it is never shown in a message."""
HIDDEN: Final = "$hidden"
"""The style of a text that must become a Secret."""
INTERPOLATED_STYLES: Final = frozenset({INTERPOLATED, HIDDEN})
_RESOLVED: Final[Mapping[str, tuple[type, ...]]] = {"integer": (int,), "number": (int, float), "boolean": (bool,)}


def text_of(node: Node | None, default: str = "") -> str:
    """The text of a scalar in the file's spelling; the default when there is none."""
    return node.text if isinstance(node, Scalar) and node.value is not None else default


def texts_of(node: Node | None, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The texts of a list, or of one text."""
    if isinstance(node, SequenceNode):
        return tuple(text_of(item) for item in node.items)
    return (text_of(node),) if isinstance(node, Scalar) and node.value is not None else default


def seconds_of(node: Node | None, default: float) -> float:
    """The seconds of a duration. Raises ScheduleError."""
    return parse_duration(text_of(node)) if isinstance(node, Scalar) else default


def duration_at(node: MappingNode, key: str, default: float, complain: Callable[[Diagnostic], object]) -> float:
    """The seconds of the duration under the key; what is none is complained about, and the default counts."""
    try:
        return seconds_of(node.get(key), default)
    except ScheduleError as error:
        span = node.entries[key].node.span
        complain(Diagnostic(code="bad-schedule", span=span, message=error.message, hint=error.hint))
        return default


def value_of(node: Node | None) -> Any:
    """Plain data, with texts that must not be shown as Secret."""
    if isinstance(node, SequenceNode):
        return [value_of(item) for item in node.items]
    if isinstance(node, MappingNode):
        return {key: value_of(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Scalar):
        return Secret(str(node.value)) if node.style == HIDDEN else node.value
    return None


def without(node: MappingNode, keys: Iterable[str]) -> MappingNode:
    """The mapping without some keys."""
    dropped = set(keys)
    return MappingNode({key: entry for key, entry in node.entries.items() if key not in dropped}, node.span)


def only(node: MappingNode, keys: Iterable[str]) -> MappingNode:
    """The mapping with no more than these keys."""
    kept = set(keys)
    return MappingNode({key: entry for key, entry in node.entries.items() if key in kept}, node.span)


def map_scalars(node: Node, change: Callable[[Scalar, str], Scalar], key: str = "") -> Node:
    """The node with every scalar changed; the second argument is the key that it stands under."""
    if isinstance(node, Scalar):
        return change(node, key)
    if isinstance(node, SequenceNode):
        return SequenceNode(tuple(map_scalars(item, change, key) for item in node.items), node.span)
    entries = {
        name: Entry(entry.key_span, map_scalars(entry.node, change, name)) for name, entry in node.entries.items()
    }
    return MappingNode(entries, node.span)


def coerced(node: MappingNode, properties: Mapping[str, Any]) -> MappingNode:
    """Texts from the environment as the numbers and truth values that the schema wants."""
    entries = dict(node.entries)
    for key, entry in node.entries.items():
        wanted = properties.get(key, {}).get("type")
        scalar = entry.node
        if isinstance(scalar, Scalar) and scalar.style == INTERPOLATED and isinstance(wanted, str):
            value = resolve(str(scalar.value))
            if type(value) in _RESOLVED.get(wanted, ()):
                entries[key] = Entry(entry.key_span, Scalar(value, scalar.span, INTERPOLATED))
    return MappingNode(entries, node.span)
