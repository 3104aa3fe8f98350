"""What holds for every text that could be a YAML file, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings, strategies as st

from runner.compile.home import load_home
from runner.config.diagnostics import render_all
from runner.config.document import parse
from runner.model.diagnostic import Severity
from runner.model.node import MappingNode, Node, Scalar, SequenceNode, plain
from runner.plugins.host import PluginHost
from runner.plugins.registry import Registry

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), TEXTS)
DATA = st.dictionaries(
    TEXTS.filter(lambda key: key not in ("", "<<")),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(lambda key: key not in ("", "<<")), inner, max_size=3), max_leaves=8),
    min_size=1, max_size=4,
)  # fmt: skip
PIECES = st.sampled_from([
    "a: ", "b", "\n", "  ", "- ", "[", "]", "{", "}", ",", ":", "'", '"', "|\n", ">-\n", "#", " # c\n", "&x ", "*x", "!!str ", "<<: ",
    "---\n", "...\n", "? ", "@", "`", "%", "\t", "\\", "{{ n }}", "no", "1:30", "0x1", "1.10", "jobs:\n", "check: c\n", "sql: |\n  select 1\n", "é", "\u2028",
])  # fmt: skip


@pytest.fixture(scope="module")
def registry() -> Registry:
    return PluginHost({}, no_plugins=True).registry()


@settings(max_examples=300, deadline=None)
@given(DATA)
def test_what_json_writes_is_read_as_it_is_meant(data: dict[str, Any]) -> None:
    document = parse(json.dumps(data, ensure_ascii=False), "f.yaml")
    assert document.diagnostics == ()
    assert plain(document.root) == data


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        TEXTS.filter(lambda key: key not in ("", "<<")), st.lists(TEXTS, max_size=3), min_size=1, max_size=3
    ),
    st.sampled_from([True, False, None]),
)
def test_what_a_yaml_library_writes_is_read_as_it_is_meant(data: dict[str, Any], flow: bool | None) -> None:
    text = yaml.safe_dump(data, allow_unicode=True, default_flow_style=flow, width=10_000, default_style='"')
    assert plain(parse(text, "f.yaml").root) == data


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=60)))
@example("a: &x [*x]\n")
@example("[" * 3000)
@example("a: " + "{a: " * 400)
@example("\ufeff\ufeffa: 1")
@example("a: '\ud800'")
def test_every_text_is_read_or_refused_with_places_inside_of_it(text: str) -> None:
    document = parse(text, "f.yaml")
    failed = any(item.severity is Severity.ERROR for item in document.diagnostics)
    assert not (failed and document.root is not None)
    lines = len(text.splitlines()) + 2
    for item in document.diagnostics:
        assert item.message
        assert 1 <= item.span.line <= lines
        assert item.span.column >= 1
    render_all(document.diagnostics, {"f.yaml": document.text})
    for scalar in scalars(document.root) if document.root else ():
        assert 1 <= scalar.span.line <= scalar.span.end_line <= lines
        if isinstance(scalar.value, str):
            scalar.locate(0, len(scalar.value))


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, SequenceNode):
        for item in node.items:
            yield from scalars(item)
    else:
        assert isinstance(node, MappingNode)
        for entry in node.entries.values():
            yield from scalars(entry.node)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.lists(PIECES, max_size=25).map(lambda parts: "".join(parts).encode()), st.binary(max_size=60)))
def test_a_bad_file_takes_nothing_from_its_neighbour(registry: Registry, data: bytes) -> None:
    with TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "checks.d").mkdir()
        (home / "checks.d" / "neighbour.yaml").write_text("check: neighbour\nsql: select 1 as one\nwarning: one > 1\n")
        (home / "checks.d" / "input.yaml").write_bytes(data)
        loaded = load_home(home, registry, {})
        assert "neighbour" in {job.name for job in loaded.jobs}
        assert {item.span.file for item in loaded.errors} <= {"checks.d/input.yaml"}
        # What is in the file is a job, or is told; an empty file is told as well.
        assert len(loaded.jobs) > 1 or loaded.diagnostics
        render_all(loaded.diagnostics, loaded.sources)
