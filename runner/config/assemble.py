"""Puts the JSON Schemas together from the common keys and from what is registered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from runner.api import JobKind
from runner.config import settings_keys
from runner.config.job_keys import COMMON_KEYS, NAME, Fragment, closed, text, texts
from runner.config.source_keys import definitions
from runner.plugins.registry import Registry

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
CHECKS_SCHEMA: Final = "checks.schema.json"
RUNNER_SCHEMA: Final = "runner.schema.json"
USE: Final = "use"
JOBS: Final = "jobs"
PRESETS: Final = "presets"


def runner_schema(registry: Registry) -> Fragment:
    """The schema of runner.yaml."""
    keys = settings_keys.top_level(registry)
    shared = definitions(settings_keys.target()["properties"])
    return {"$schema": DRAFT, "title": "runner.yaml", **closed(keys), "$defs": shared}


def checks_schema(registry: Registry) -> Fragment:
    """The schema of the files in checks.d/: one job, or several under `jobs:`."""
    kinds = {name: registry.kinds[name] for name in sorted(registry.kinds)}
    definitions: dict[str, Any] = {**COMMON_KEYS}
    for name, kind in kinds.items():
        for key, fragment in kind.options.items():
            definitions[f"{name}.{key}"] = _option(key, fragment, registry)
        keys, more = (
            _keys_of_kind(kind),
            {"title": f"Job of the kind {name}", **(_with(registry) if "probe" in kind.options else {})},
        )
        definitions[f"{name}_job"] = closed(keys, required=(name, *kind.required), **more)
        definitions[f"{name}_item"] = closed(keys, required=(name,), **more)
    used = {**_shared(registry), **_names(registry), **_USE_KEYS}
    definitions["used"] = closed(used, required=(USE,), title="Job from the catalogue")
    definitions["item"] = _by_kind(registry, "item")
    several: Fragment = closed({**_shared(registry), JOBS: _JOBS, PRESETS: _PRESETS})
    is_several = {"type": "object", "anyOf": [{"required": [JOBS]}, {"required": [PRESETS]}]}
    return {
        "$schema": DRAFT,
        "title": "A file in checks.d",
        "type": "object",
        "if": is_several,
        "then": several,
        "else": _by_kind(registry, "job"),
        "$defs": definitions,
    }


_USE_KEYS: Final[dict[str, Fragment]] = {
    USE: text("A check of the catalogue, a pattern, or a preset.", "pg.connections"),
    "without": texts("Keys of the catalogue's check that are left out.", ["critical"]),
}
_JOBS: Final[Fragment] = {
    "type": "array",
    "items": {"$ref": "#/$defs/item"},
    "description": "The jobs of this file.",
    "examples": [[{"use": "pg.connections"}]],
}
_PRESETS: Final[Fragment] = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string", "minLength": 1}},
    "description": "Lists of catalogue checks by name (files of the catalogue only).",
    "examples": [{"standard": ["pg.connections", "pg.index-*"]}],
}


def _by_kind(registry: Registry, form: str) -> Fragment:
    names = sorted(registry.kinds)
    first = [name for name in names if name == "check"]
    known = [*first, *(name for name in names if name not in first), USE, *([JOBS] if form == "job" else [])]
    # The last branch has the keys that a job may begin with, so that an editor offers them.
    first_keys = {**_names(registry), USE: _USE_KEYS[USE], **({JOBS: _JOBS} if form == "job" else {}), **_common()}
    chain: Fragment = {"properties": first_keys, "anyOf": [{"required": [name]} for name in known]}
    for name in (*reversed(names), USE):
        place = "used" if name == USE else f"{name}_{form}"
        chain = {"if": {"type": "object", "required": [name]}, "then": {"$ref": f"#/$defs/{place}"}, "else": chain}
    return {"type": "object", **chain}


def _keys_of_kind(kind: JobKind) -> dict[str, Fragment]:
    options = {key: {"$ref": f"#/$defs/{kind.name}.{key}"} for key in kind.options}
    return {kind.name: _name_of(kind), **_common(), **options}


def _name_of(kind: JobKind) -> Fragment:
    return {**NAME, "description": f"{kind.summary.rstrip('.')}; its name.", "examples": [f"my-{kind.name}"]}


def _option(key: str, fragment: Fragment, registry: Registry) -> Fragment:
    if key == "probe" and registry.probes and fragment.get("type") == "string":
        listed = {name: value for name, value in fragment.items() if name != "type"}
        return {**listed, "enum": sorted(registry.probes)}
    return fragment


def _with(registry: Registry) -> Fragment:
    """The options of the named probe stand under `with:`."""
    rules = []
    for name in sorted(registry.probes):
        probe = registry.probes[name]
        words = f"Options of the probe {name}: {probe.summary[:1].lower()}{probe.summary[1:]}."
        examples = {key: fragment["examples"][0] for key, fragment in probe.options.items() if "examples" in fragment}
        options = closed(dict(probe.options), description=words, examples=[examples])
        test = {"properties": {"probe": {"const": name}}, "required": ["probe"]}
        rules.append({"if": test, "then": {"properties": {"with": options}}})
    return {"allOf": rules} if rules else {}


def _common() -> dict[str, Fragment]:
    return {key: {"$ref": f"#/$defs/{key}"} for key in COMMON_KEYS}


def _names(registry: Registry) -> dict[str, Fragment]:
    return {name: _name_of(registry.kinds[name]) for name in sorted(registry.kinds)}


def _shared(registry: Registry) -> dict[str, Fragment]:
    """Common keys and those of every kind; a key that two kinds write differently may be either."""
    forms: dict[str, dict[str, Fragment]] = {}
    for name in sorted(registry.kinds):
        for key, fragment in registry.kinds[name].options.items():
            same = forms.setdefault(key, {})
            if fragment not in same.values():
                same[f"#/$defs/{name}.{key}"] = dict(fragment)
    options = {key: _either([{"$ref": place} for place in same]) for key, same in forms.items()}
    return {**options, **_common()}


def _either(forms: list[Fragment]) -> Fragment:
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def write_schemas(folder: Path, registry: Registry) -> tuple[Path, ...]:
    """Writes both schemas; the same registry always gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text_ in schema_texts(registry).items():
        path = folder / name
        path.write_text(text_, encoding="utf-8")
        written.append(path)
    return tuple(written)


def schema_texts(registry: Registry) -> dict[str, str]:
    """File name to JSON text."""
    schemas = {RUNNER_SCHEMA: runner_schema(registry), CHECKS_SCHEMA: checks_schema(registry)}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}
