"""pgwatch's metric files as checks that measure: their SQL for each version, without thresholds, which it has none of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.app.imports.convert import Plan, free
from runner.app.imports.readers import Lost
from runner.app.readable import quoted, scalar
from runner.config.document import parse
from runner.config.nodes import text_of
from runner.model.node import MappingNode, Node, Scalar
from runner.model.sql_text import placeholders

_TAG = re.compile(r'\bas\s+"?(tag_\w+)"?', re.IGNORECASE)
_HELPER = re.compile(r"\bget_\w+\s*\(", re.IGNORECASE)
_ROLES = {"primary": "primary", "standby": "standby"}


def read_pgwatch(name: str, text: str, plan: Plan) -> None:
    """Adds a check for each metric of the file: one with `sqls:` itself, or several under `metrics:`."""
    document = parse(text, name)
    for diagnostic in document.diagnostics:
        plan.lost.append(Lost(span=diagnostic.span, what=name, why=diagnostic.message))
    root = document.root
    if root is None:
        return
    metrics = root.get("metrics")
    if isinstance(metrics, MappingNode):
        intervals = _intervals(root.get("presets"))
        for metric, entry in metrics.entries.items():
            if isinstance(entry.node, MappingNode):
                _metric(metric, entry.node, plan, intervals.get(metric, 0))
    elif "sqls" in root:
        _metric(text_of(root.get("name")) or name.rpartition("/")[2].split(".")[0], root, plan, 0)
    else:
        plan.lost.append(Lost(span=root.span, what=name, why="there are neither `metrics:` nor `sqls:` in it"))


def _intervals(presets: Node | None) -> dict[str, int]:
    """Seconds by metric; the first preset that has it counts."""
    found: dict[str, int] = {}
    for entry in presets.entries.values() if isinstance(presets, MappingNode) else ():
        metrics = entry.node.get("metrics") if isinstance(entry.node, MappingNode) else None
        for name, interval in metrics.entries.items() if isinstance(metrics, MappingNode) else ():
            value = interval.node.value if isinstance(interval.node, Scalar) else None
            if isinstance(value, (int, float)) and value > 0:
                found.setdefault(name, int(value))
    return found


def _metric(name: str, node: MappingNode, plan: Plan, seconds: int) -> None:
    sqls = node.get("sqls")
    variants = {
        key: text_of(entry.node).strip() for key, entry in sqls.entries.items() if key.isdigit() and text_of(entry.node)
    } if isinstance(sqls, MappingNode) else {}  # fmt: skip
    variants = _without_several(variants)
    if not variants:
        plan.lost.append(Lost(span=node.span, what=name, why="it has no SQL of one statement that returns rows"))
        return
    texts = "\n".join(variants.values())
    if any(placeholders(sql) for sql in variants.values()):
        plan.lost.append(Lost(span=node.span, what=name, why="its SQL has a `:name`, which is a parameter here"))
        return
    if _HELPER.search(texts) and "init_sql" in node:
        plan.lost.append(
            Lost(span=node.span, what=name, why="it needs helper functions (`init_sql`) that a check does not make")
        )
        return
    plan.jobs.append(list(_lines(free(name.replace("_", "-"), plan), node, variants, seconds)))


def _without_several(variants: dict[str, str]) -> dict[str, str]:
    """Those that return rows: pgwatch marks a version without the metric with a text that selects nothing."""
    return {
        major: sql.rstrip(";").strip()
        for major, sql in variants.items()
        if re.match(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*(?:select|with|show|table)\b", sql, re.IGNORECASE | re.DOTALL)
    }


def _lines(name: str, node: MappingNode, variants: dict[str, str], seconds: int) -> Iterator[str]:
    yield f"check: {name}"
    if description := " ".join(text_of(node.get("description")).split()):
        yield f"description: {quoted(description)}"
    if seconds:
        yield f"schedule: every {max(1, round(seconds / 60))}min"
    role = _ROLES.get(text_of(node.get("node_status")).lower())
    if role:
        yield f"requires: {{role: {role}}}"
    if text_of(node.get("is_instance_level")).lower() != "true":
        yield "for_each: database"
    keys = dict.fromkeys(tag.lower() for sql in variants.values() for tag in _TAG.findall(sql))
    if keys and all(key in sql.lower() for sql in variants.values() for key in keys):
        yield f"key: [{', '.join(map(scalar, keys))}]"
    yield "sql:"
    for major, sql in sorted(variants.items(), key=lambda pair: int(pair[0])):
        yield f"  {major}: |"
        yield from (f"    {line}".rstrip() for line in sql.expandtabs().splitlines())
