"""The keys of `targets_from:`, as JSON Schema, and its entries as settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from runner.api import TargetSourceType
from runner.config.job_keys import LABELS, Fragment, closed, duration, text
from runner.config.nodes import duration_at, text_of, value_of
from runner.config.targets import target_parts
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.inventory import TargetSource
from runner.model.node import MappingNode, Node, SequenceNode
from runner.plugins.registry import Registry

EXAMPLE: Final = [{"file": "targets.yaml"}, {"sql": "select name, host from servers", "on": "inventory"}]
_DEFAULTS: Final = {"user": "runner", "password": "${FLEET_PASSWORD}"}
DEFAULTS: Final = "source_defaults"
Complain = Callable[[Diagnostic], None]


def common_keys() -> dict[str, Fragment]:
    """The keys that every source has."""
    return {
        "name": text("What messages call it; made of its type and its place unless set.", "inventory"),
        "labels": {**LABELS, "description": "Labels that each of its targets has, whatever the source says."},
        "defaults": {
            "$ref": f"#/$defs/{DEFAULTS}",
            "type": "object",
            "description": "Connection parameters, databases and params for what the source does not say.",
            "examples": [_DEFAULTS],
        },
        "refresh": duration("How often it is asked at most; a file is read when it changes.", "1min"),
        "timeout": duration("How long it may take.", "10s"),
        "may_be_empty": {
            "type": "boolean",
            "description": "Whether no target at all is an answer; else it counts as a failure.",
            "examples": [True],
        },
    }


def definitions(target_keys: Mapping[str, Fragment]) -> dict[str, Fragment]:
    """What the sources refer to."""
    return {DEFAULTS: closed({key: value for key, value in target_keys.items() if key not in ("dsn", "labels")})}


def source(registry: Registry) -> Fragment:
    """One source: the keys of its type and those that all have. The built-in types are known by their key."""
    kinds = {"enum": sorted(registry.target_sources), "description": "What is asked.", "examples": ["file"]}
    common = common_keys()
    chain: Fragment = {"title": "Source of targets", "properties": {"type": kinds}, "required": ["type"]}
    for name in sorted(registry.target_sources, reverse=True):
        kind = registry.target_sources[name]
        properties = {"type": kinds, **common, **dict(kind.options)}
        branch = closed(properties, required=kind.required, title=f"Source of targets of the type {name}")
        chain = {"if": {"type": "object", **_is(kind)}, "then": branch, "else": chain}
    return {"type": "object", **chain}


def _is(kind: TargetSourceType) -> Fragment:
    named = {"properties": {"type": {"const": kind.type}}, "required": ["type"]}
    return {"anyOf": [named, {"required": [kind.type]}]} if kind.type in kind.options else named


def read_sources(
    node: Node | None, registry: Registry, allowed: Collection[str], targets: Collection[str], complain: Complain
) -> tuple[TargetSource, ...]:
    """The entries that the schema has accepted; `targets` are those that can be asked."""
    found: dict[str, TargetSource] = {}
    for item in node.items if isinstance(node, SequenceNode) else ():
        if isinstance(item, MappingNode) and (kind := _kind(item, registry)):
            read = _read(item, kind, complain)
            name = _free(read.name, found)
            found[name] = replace(read, name=name)
            _check(item, kind, allowed, targets, complain)
    return tuple(found.values())


def _kind(node: MappingNode, registry: Registry) -> TargetSourceType | None:
    kinds = registry.target_sources
    named = text_of(node.get("type"))
    return kinds.get(named) or next(
        (kind for name, kind in kinds.items() if name in node and name in kind.options), None
    )


def _read(node: MappingNode, kind: TargetSourceType, complain: Complain) -> TargetSource:
    labels, built_in = value_of(node.get("labels")) or {}, TargetSource(name="", type="")
    return TargetSource(
        name=text_of(node.get("name")) or _name_of(node, kind),
        type=kind.type,
        options={key: value_of(node.get(key)) for key in kind.options if key in node},
        labels={key: str(value) for key, value in labels.items()},
        defaults=target_parts(node.get("defaults")),
        refresh=duration_at(node, "refresh", built_in.refresh, complain),
        timeout=duration_at(node, "timeout", built_in.timeout, complain),
        may_be_empty=value_of(node.get("may_be_empty")) is True,
        span=_span(node, kind),
    )


def _span(node: MappingNode, kind: TargetSourceType) -> Span:
    return node.key_span(kind.type if kind.type in node else "type")


def _name_of(node: MappingNode, kind: TargetSourceType) -> str:
    """Such as `file targets.yaml`, `sql on inventory`, `command ./list-targets`."""
    said: Any = value_of(node.get("on" if "on" in node else kind.type))
    word = str(said[0]) if isinstance(said, list) and said else str(said or "")
    return " ".join(filter(None, (kind.type, "on" if "on" in node else "", word)))


def _free(name: str, taken: Collection[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found


def _check(
    node: MappingNode, kind: TargetSourceType, allowed: Collection[str], targets: Collection[str], complain: Complain
) -> None:
    span = _span(node, kind)
    if kind.starts_programs and kind.type not in allowed:
        message = "this source of targets starts a program, and runner.yaml does not allow that; it will be refused"
        hint = f"add `allow: [{kind.type}]` to runner.yaml"
        complain(
            Diagnostic(code="command-not-allowed", span=span, message=message, hint=hint, severity=Severity.WARNING)
        )
    asked = node.get("on")
    if asked is not None and text_of(asked) not in targets:
        message = f"there is no target `{text_of(asked)}` under `targets:`"
        hint = f"there are: {', '.join(sorted(targets)) or 'none'}"
        complain(Diagnostic(code="unknown-target", span=asked.span, message=message, hint=hint))
