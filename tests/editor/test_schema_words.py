"""Every key says what it is and shows an example, and every shipped file tells the editor its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.app.init import init
from runner.config.document import parse
from runner.config.fits import compiled
from runner.model.node import plain

ROOT = Path(__file__).parents[2]
MODELINE = re.compile(r"\A# yaml-language-server: \$schema=(\S+)\n")
SCHEMAS = {
    name: json.loads((ROOT / "schema" / name).read_text("utf-8"))
    for name in ("checks.schema.json", "runner.schema.json")
}
SHIPPED = [ROOT / "runner.yaml", *sorted((ROOT / "checks.d").rglob("*.yaml"))]


def keys(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Every key that a person can write, by the way to it."""
    if isinstance(schema, list):
        for item in schema:
            yield from keys(item, path)
    for word, inner in schema.items() if isinstance(schema, dict) else ():
        if word in {"properties", "$defs"}:
            for name, fragment in inner.items():
                if word == "properties" and "$ref" not in fragment:
                    yield ".".join((*path, name)), fragment
                yield from keys(fragment, (*path, name))
        elif word not in {"if", "examples", "enum", "const"}:
            yield from keys(inner, path)


def resolved(fragment: Any, schema: Any) -> Any:
    return schema["$defs"][fragment["$ref"].rpartition("/")[2]] if "$ref" in fragment else fragment


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_has_a_description_and_an_example(name: str) -> None:
    found = list(keys(SCHEMAS[name], ()))
    assert len(found) > 50
    bare = {path for path, fragment in found if not (fragment.get("description") and fragment.get("examples"))}
    # A key that several parts refer to is described in one place.
    assert {path for path in bare if "anyOf" not in dict(found)[path]} == set()


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_example_fits_its_own_key(name: str) -> None:
    schema = SCHEMAS[name]
    for path, fragment in keys(schema, ()):
        test = compiled({**fragment, "$defs": schema.get("$defs", {})})
        assert test is not None
        assert [example for example in fragment.get("examples", []) if not test(example)] == [], path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_file_names_its_schema_and_fits_it(path: Path) -> None:
    text = path.read_text("utf-8")
    modeline = MODELINE.match(text)
    assert modeline, "its first line is: # yaml-language-server: $schema=…"
    schema = (path.parent / modeline[1]).resolve()
    assert schema == ROOT / "schema" / ("runner.schema.json" if path == ROOT / "runner.yaml" else "checks.schema.json")
    test = compiled(json.loads(schema.read_text("utf-8")))
    assert test is not None
    assert test(plain(parse(text, path.name).root))


def test_the_schemas_of_a_new_home_are_where_its_files_look_for_them(tmp_path: Path) -> None:
    written = [item.path for item in init(tmp_path) if item.path.suffix == ".yaml"]
    assert len(written) > 3
    for path in written:
        modeline = MODELINE.match(path.read_text("utf-8"))
        assert modeline
        assert (path.parent / modeline[1]).is_file()
