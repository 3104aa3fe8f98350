"""The quick answer about a document is the validator's: a schema that says more than the quick test knows has none."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator

from runner.config.document import parse
from runner.config.fits import compiled
from runner.model.node import plain

ROOT = Path(__file__).parents[2]
SCHEMAS = {name: json.loads((ROOT / "schema" / f"{name}.schema.json").read_text()) for name in ("checks", "runner")}
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
TESTS = {name: compiled(schema) for name, schema in SCHEMAS.items()}
FILES = [("runner", ROOT / "runner.yaml"), *(("checks", path) for path in sorted((ROOT / "checks.d").rglob("*.yaml")))]
DOCUMENTS = [(name, plain(parse(path.read_text("utf-8"), path.name).root)) for name, path in FILES]
KEYS = sorted({key for schema in SCHEMAS.values() for part in [schema, *schema.get("$defs", {}).values()]
               for key in part.get("properties", {})})  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 200), st.floats(allow_nan=False), st.sampled_from(["", "x", "5min", "14+"]),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.sampled_from(KEYS), st.text(max_size=3), max_size=2),
)  # fmt: skip


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) of the data."""
    if isinstance(data, dict):
        return [(data, key) for key in data] + [place for item in data.values() for place in places(item)]
    if isinstance(data, list):
        return [(data, index) for index in range(len(data))] + [place for item in data for place in places(item)]
    return []


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, Any]:
    """A shipped document with a few values replaced, removed, or put under other keys."""
    name, document = draw(st.sampled_from(DOCUMENTS))
    data = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        found = places(data)
        if not found:
            break
        container, place = found[draw(st.integers(0, len(found) - 1))]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                container[place] = draw(VALUES)
            case "remove":
                del container[place]
            case "add" if isinstance(container, dict):
                container[draw(st.sampled_from(KEYS))] = draw(VALUES)
    return name, data


@settings(max_examples=400, deadline=None)
@given(mutants())
def test_the_quick_answer_is_the_validators(mutant: tuple[str, Any]) -> None:
    name, data = mutant
    test = TESTS[name]
    assert test is not None
    assert test(data) is VALIDATORS[name].is_valid(data)


def test_shipped_files_need_no_validator() -> None:
    refused = [
        path for (name, path), (_, data) in zip(FILES, DOCUMENTS, strict=True) if not (TESTS[name] or bool)(data)
    ]
    assert refused == []


@pytest.mark.parametrize(("schema", "value"), [
    ({"type": "integer"}, 1.0), ({"type": "integer"}, 1.5), ({"type": "integer"}, True), ({"type": "number"}, False),
    ({"const": 1}, True), ({"const": 1}, 1.0), ({"const": False}, 0), ({"enum": ["a", True]}, 1), ({"enum": [0]}, False),
    ({"enum": ["a"]}, ["a"]), ({"const": None}, None), ({"minimum": 1}, True), ({"minimum": 1}, "0"), ({"maximum": 1}, 2),
    ({"pattern": "^a"}, 5), ({"pattern": "a"}, "ba"), ({"minLength": 1}, ""), ({"minItems": 1}, []), ({"minItems": 1}, {}),
    ({"minProperties": 1}, {}), ({"maxLength": 1}, "ab"), ({"maxItems": 1}, [1, 2]), ({"items": {"type": "null"}}, [None, 1]),
    ({"required": ["a"]}, {}), ({"required": ["a"]}, []), ({"properties": {"a": False}}, {"a": 1}),
    ({"additionalProperties": {"type": "null"}}, {"a": 1}), ({"patternProperties": {"^x-": {"type": "null"}}}, {"x-a": 1}),
    ({"properties": {"x-a": {}}, "patternProperties": {"^x-": False}}, {"x-a": 1}),
    ({"anyOf": [{"type": "null"}, {"type": "array"}]}, {}), ({"allOf": [{"type": "null"}, {"type": "array"}]}, []),
    ({"if": {"type": "array"}, "then": False}, []), ({"if": {"type": "array"}, "else": False}, {}), ({"if": False}, 1),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}, [[], [[]]]),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}, [[], [[1]]]),
    (True, 1), ({}, 1),
])  # fmt: skip
def test_a_keyword_means_what_it_means_to_the_validator(schema: Any, value: Any) -> None:
    test = compiled(schema if isinstance(schema, dict) else {"allOf": [schema]})
    assert test is not None
    assert test(value) is Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("schema", [
    {"oneOf": [{}]}, {"not": {}}, {"const": [1]}, {"$ref": "#/other"},
    {"$ref": "#/$defs/none"}, {"dependentRequired": {"a": ["b"]}}, {"type": "thing"},
])  # fmt: skip
def test_what_is_not_known_is_left_to_the_validator(schema: dict[str, Any]) -> None:
    assert compiled(schema) is None


def test_a_property_that_is_not_known_fits_never_and_costs_the_others_nothing() -> None:
    test = compiled({"properties": {"a": {"uniqueItems": True}, "b": {"type": "integer"}}})
    assert test is not None
    assert (test({"a": [1]}), test({"b": 1}), test({"b": "x"}), test({"c": 1})) == (False, True, False, True)
