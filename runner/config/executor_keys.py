"""The keys of `executor:`, as JSON Schema, and what it says as settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from runner.api import LOCAL, ExecutorType
from runner.config.job_keys import Fragment, closed, duration, text
from runner.config.nodes import duration_at, text_of, value_of
from runner.model.diagnostic import Diagnostic
from runner.model.executor import ExecutorSettings
from runner.model.node import MappingNode, Node
from runner.model.secret import Secret
from runner.plugins.registry import Registry

EXAMPLE: Final = {"type": LOCAL}
_COMMON: Final = frozenset({"type", "queue_by", "patience"})
Complain = Callable[[Diagnostic], None]


def executor(registry: Registry) -> Fragment:
    """Who performs due runs: the keys of its type and those that all but the local one have."""
    kinds = {"enum": sorted(registry.executors), "description": "Who performs due runs.", "examples": [LOCAL]}
    chain: Fragment = {"title": "Executor", "properties": {"type": kinds}, "required": ["type"]}
    for name in sorted(registry.executors, reverse=True):
        test = {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}
        chain = {"if": test, "then": _executor_of(registry.executors[name], kinds), "else": chain}
    return {"type": "object", "description": "Who performs due runs.", "examples": [EXAMPLE], **chain}


def _executor_of(kind: ExecutorType, kinds: Fragment) -> Fragment:
    common = {} if kind.open is None else queue_keys()
    properties = {"type": kinds, **common, **dict(kind.options)}
    return closed(properties, required=("type", *kind.required), title=f"Executor of the type {kind.type}")


def queue_keys() -> dict[str, Fragment]:
    """The keys of every executor with workers."""
    return {
        "queue_by": text("The label of targets by which workers are chosen.", "network"),
        "patience": duration("How long a run waits for a worker before it is given up and told as unknown.", "1h"),
    }


def read_executor(node: Node | None, registry: Registry, complain: Complain) -> ExecutorSettings | None:
    """None for the local one, which needs nothing."""
    if not isinstance(node, MappingNode) or (kind := registry.executors.get(text_of(node.get("type")))) is None:
        return None
    if kind.open is None:
        return None
    built_in = ExecutorSettings(type=kind.type)
    return ExecutorSettings(
        type=kind.type,
        options={
            key: _guarded(value_of(entry.node), kind.options.get(key, {}))
            for key, entry in node.entries.items()
            if key not in _COMMON and not key.startswith("x-")
        },
        queue_by=text_of(node.get("queue_by")),
        patience=duration_at(node, "patience", built_in.patience, complain),
        span=node.key_span("type"),
    )


def _guarded(value: object, schema: Mapping[str, Any]) -> object:
    return Secret(value) if schema.get("writeOnly") and isinstance(value, str) else value
