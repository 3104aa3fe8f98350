"""YAML to nodes: the dialect, positions, limits, and the words for every trap."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from runner.config.codes import CODES
from runner.config.diagnostics import render_all
from runner.config.document import MAX_DEPTH, parse
from runner.model.node import MappingNode, Scalar, plain

TRAPS = Path(__file__).parent / "golden" / "traps.txt"


def traps() -> list[tuple[str, str]]:
    parts = TRAPS.read_text(encoding="utf-8").split("%%%% ")[1:]
    cases = [part.partition("\n") for part in parts]
    return [(ast.literal_eval(head), body.strip()) for head, _, body in cases]


@pytest.mark.parametrize(("text", "expected"), traps())
def test_trap_is_explained(text: str, expected: str) -> None:
    document = parse(text, "f.yaml")
    assert render_all(document.diagnostics, {"f.yaml": text}) == expected
    assert {item.code for item in document.diagnostics} <= set(CODES)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("NO", "NO"),
        ("1", 1), ("-7", -7), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
        ("010", "010"), ("1_000", "1_000"), ("0x1F", "0x1F"), ("1:30", "1:30"), ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"), (".inf", ".inf"), ("1e999", "1e999"), ("9" * 5000, "9" * 5000),
        ("'1'", "1"), ('"true"', "true"), ("dead_rows > 80%", "dead_rows > 80%"), ("+", "+"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_rules_of_yaml_1_2(written: str, value: object) -> None:
    document = parse(f"a: {written}\n", "f.yaml")
    assert document.root is not None
    found = plain(document.root.get("a"))
    assert found == value
    assert type(found) is type(value)


def test_a_number_keeps_its_spelling() -> None:
    node = parse("version: 1.10\n", "f.yaml").root
    assert node is not None
    scalar = node.get("version")
    assert isinstance(scalar, Scalar)
    assert (scalar.value, scalar.text) == (1.1, "1.10")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "\ufeff"])
def test_an_empty_document_is_no_error(text: str) -> None:
    document = parse(text, "f.yaml")
    assert (document.root, document.diagnostics) == (None, ())


@pytest.mark.parametrize("text", ["\ufeffa: 1\n", "a: 1\r\n", "---\na: 1\n", "%YAML 1.2\n---\na: 1\n", "a: 1\n...\n"])
def test_harmless_forms_are_accepted(text: str) -> None:
    document = parse(text, "f.yaml")
    assert document.diagnostics == ()
    assert plain(document.root) == {"a": 1}


def test_aliases_repeat_values() -> None:
    assert plain(parse("a: &x [1, 2]\nb: *x\n", "f.yaml").root) == {"a": [1, 2], "b": [1, 2]}


def nested(depth: int) -> str:
    return "a: " + "[" * depth + "]" * depth + "\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (nested(MAX_DEPTH + 1), "yaml-depth"),
        ("a: " + "[" * 100_000, "yaml-depth"),
        ("a: " + "{x: " * 60 + "1" + "}" * 60, "yaml-depth"),
        ("a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
         + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)), "yaml-size"),
        ("".join(f"k{n}: [{'1, ' * 999}1]\n" for n in range(60)), "yaml-size"),
    ],
)  # fmt: skip
def test_what_could_exhaust_the_machine_is_refused(text: str, code: str) -> None:
    document = parse(text, "f.yaml")
    assert document.root is None
    assert [item.code for item in document.diagnostics] == [code]


def test_depth_within_the_limit_is_fine() -> None:
    assert parse(nested(MAX_DEPTH - 1), "f.yaml").diagnostics == ()


@pytest.mark.parametrize(
    "text",
    ["password: @hunter2\n", "password: *hunter2\n", "password: !hunter2 x\n", "dsn: {{hunter2}}\n",
     "token: `hunter2`\n", "password: %hunter2\n"],
)  # fmt: skip
def test_a_complaint_about_a_password_does_not_repeat_it(text: str) -> None:
    diagnostics = parse(text, "f.yaml").diagnostics
    assert diagnostics
    assert all("hunter2" not in item.message + item.hint for item in diagnostics)


def located(yaml: str, word: str, key: str = "a") -> tuple[str, int, int]:
    """The text that the file has at the place where the word of the value is said to be."""
    root = parse(yaml, "f.yaml").root
    assert isinstance(root, MappingNode)
    scalar = root.get(key)
    assert isinstance(scalar, Scalar)
    start = str(scalar.value).index(word)
    span = scalar.locate(start, start + len(word))
    assert span.line == span.end_line
    line = yaml.replace("\r\n", "\n").split("\n")[span.line - 1]
    return line[span.column - 1 : span.end_column - 1], span.line, span.column


@pytest.mark.parametrize(
    ("yaml", "place"),
    [
        ("a: usd > 5\n", (1, 4)),
        ("a: 'usd > 5'\n", (1, 5)),
        ('a: "usd > 5"\n', (1, 5)),
        ("a: 'it''s usd > 5'\n", (1, 11)),
        ('a: "\\t\\u00e9\\x41 usd"\n', (1, 18)),
        ("a: é日本 usd\n", (1, 8)),
        ("a: x >\n   usd\n", (2, 4)),
        ("a: |\n  x\n    usd > 5\n", (3, 5)),
        ("a: |-\n\n  usd\n", (3, 3)),
        ("a: |2\n    usd\n  x\n", (2, 5)),
        ("a: |  # note\n  x\n\n  usd\n", (4, 3)),
        ("a: >\n  x\n  y usd\n\n  z\n", (3, 5)),
        ('a: "x\n  y \\\n  usd"\n', (3, 3)),
        ("a: |\r\n  x\r\n  usd\r\n", (3, 3)),
    ],
)
def test_words_are_found_inside_scalars(yaml: str, place: tuple[int, int]) -> None:
    assert located(yaml, "usd") == ("usd", *place)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=" \n\t:-[]{}&*!|>'\"%@`#?,ab1é\\<.", max_size=40))
def test_no_text_raises(text: str) -> None:
    document = parse(text, "f.yaml")
    for item in document.diagnostics:
        assert item.message
        assert item.span.line >= 1


words = st.text(alphabet="ab cé\n\t'\"\\:#", min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(words)
def test_every_known_offset_points_at_its_character(value: str) -> None:
    yaml = f"a: {json.dumps(value, ensure_ascii=False)}\n"
    root = parse(yaml, "f.yaml").root
    assert root is not None
    scalar = root.get("a")
    assert isinstance(scalar, Scalar)
    assert scalar.value == value
    for char, (line, column) in zip(value, scalar.offsets, strict=False):
        if char in "abcé:#":
            assert yaml.split("\n")[line - 1][column - 1] == char


def test_half_a_character_is_no_text() -> None:
    document = parse("a: \udb01\n", "f.yaml")
    assert document.root is None
    assert [item.code for item in document.diagnostics] == ["file-encoding"]
