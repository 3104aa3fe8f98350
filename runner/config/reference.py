"""The reference of every key as Markdown tables, made from the schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runner.config.codes import CODES
from runner.config.job_keys import COMMON_KEYS, REQUIRES, RETRY, Fragment
from runner.config.settings_keys import other_keywords, route, silence, target, top_level, window
from runner.config.source_keys import common_keys
from runner.plugins.registry import Registry

BEGIN: Final = "<!-- the rest of this page is generated from the schemas -->"
_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}


def format_reference(registry: Registry) -> str:
    """Tables of all keys of runner.yaml, of jobs and their kinds, of probes, sinks and formats, and all codes."""
    parts = [BEGIN, "", "## Keys of runner.yaml", "", _table(top_level(registry))]
    rare = other_keywords()
    common = {key: fragment for key, fragment in target()["properties"].items() if key not in rare}
    parts += ["### targets", "", _table(common)]
    parts += [f"Also every other connection parameter of libpq: {', '.join(f'`{name}`' for name in rare)}.", ""]
    parts += ["### targets_from", "", "Every source has these keys, and those of its type.", ""]
    parts += [_table(common_keys())]
    for name, fragment in {"routes": route(), "windows": window(), "silences": silence()}.items():
        parts += [f"### {name}", "", _table(fragment["properties"])]
    parts += ["## Keys of every job", "", _table(COMMON_KEYS)]
    parts += ["### requires", "", _table(REQUIRES["properties"]), "### retry", "", _table(RETRY["properties"])]
    for title, registered in (
        ("Kind of job", registry.kinds),
        ("Probe", registry.probes),
        ("Source of targets", registry.target_sources),
        ("Sink", registry.sinks),
        ("Format", registry.formats),
    ):
        for name in sorted(registered):
            thing: Any = registered[name]
            parts += [f"## {title} `{name}`", "", f"{thing.summary}.", ""]
            parts += [_table(thing.options)] if thing.options else []
    parts += ["## Codes of diagnostics", "", "| code | meaning |", "|---|---|"]
    parts += [f"| [`{code}`](codes/{code}.md) | {meaning} |" for code, meaning in sorted(CODES.items())]
    return "\n".join(parts) + "\n"


def _table(properties: Mapping[str, Fragment]) -> str:
    rows = ["| key | value | meaning | example |", "|---|---|---|---|"]
    rows += [
        f"| `{key}` | {_type(fragment)} | {_cell(fragment.get('description', ''))} | {_example(key, fragment)} |"
        for key, fragment in properties.items()
    ]
    return "\n".join(rows) + "\n"


def _type(fragment: Mapping[str, Any]) -> str:
    if "enum" in fragment:
        return _cell(", ".join(f"`{value}`" for value in fragment["enum"]))
    if "const" in fragment:
        return f"`{str(fragment['const']).lower()}`"
    if "anyOf" in fragment:
        return " or ".join(dict.fromkeys(map(_type, fragment["anyOf"])))
    types = fragment.get("type", "")
    return " or ".join(_TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types))


def _example(key: str, fragment: Mapping[str, Any]) -> str:
    examples = fragment.get("examples")
    return f"`{_cell(f'{key}: {_flow(examples[0])}')}`" if examples else ""


def _flow(value: Any, *, inside: bool = False) -> str:
    """YAML in one line; inside brackets a comma would end an unquoted text."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item, inside=True)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item, inside=True) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    ends = inside and any(sign in text for sign in ",[]{}")
    return f'"{text}"' if isinstance(value, str) and (ends or text[:1] in "*&!@%`{[") else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
