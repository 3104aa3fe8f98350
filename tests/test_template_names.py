"""The names of a template are the same whether or not the template engine was asked for them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings, strategies as st
from jinja2 import meta

from runner.errors import TemplateError
from runner.template import _TAKEN, FILTERS, Template, _environment, _simple_names

WORDS = st.sampled_from(["table", "a_b", "x.y", "params.most", "a b", "1", "True", "None", "rows", *sorted(_TAKEN)])
PARTS = st.one_of(
    st.sampled_from(["text ", "}}", "{", "{{", "{%", "{#", "\n", "-", "é", "%", "| ", " if x", "''"]),
    st.builds(
        lambda name, filter_: f"{{{{ {name} | {filter_} }}}}", WORDS, st.sampled_from([*FILTERS, "upper", "nope"])
    ),
    st.builds(lambda name, space: f"{{{{{space}{name}{space}}}}}", WORDS, st.sampled_from(["", " ", "  ", "-", "\n"])),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PARTS, max_size=5).map("".join))
def test_the_quick_answer_is_the_engines(source: str) -> None:
    quick = _simple_names(source)
    if quick is not None:
        environment = _environment()
        environment.from_string(source)
        assert quick == meta.find_undeclared_variables(environment.parse(source))


@pytest.mark.parametrize(("source", "names"), [
    ("{{ schema }}.{{ table | ident }}: {{n|count}} rows", {"schema", "table", "n"}),
    ("{{ params.most | bytes }} of {{ total }}", {"params", "total"}),
    ("plain", set()), ("}} {{ a }}", {"a"}),
])  # fmt: skip
def test_plain_fields_need_no_engine(source: str, names: set[str]) -> None:
    assert _simple_names(source) == names
    assert Template(source).names() == names


@pytest.mark.parametrize(
    "source",
    ["{{ a + b }}", "{% if a %}{% endif %}", "{{ not }}", "{{ a | upper }}", "{ {{ a }}", "{{ a", "{{ range }}"],
)
def test_everything_else_is_asked_of_the_engine(source: str) -> None:
    assert _simple_names(source) is None


def test_an_unknown_filter_is_still_told() -> None:
    with pytest.raises(TemplateError, match="nope"):
        Template("{{ a | nope }}").names()


def test_the_engine_is_not_imported_for_plain_fields() -> None:
    program = (
        "import sys; from runner.template import Template; Template('{{ a }}').names(); print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("source", [
    "{{ 9 ** 9 ** 9 }}", "{{ 'a' * 9999999999 }}", "{{ '%0999999999d' % 1 }}", "{{ '%0999999999d' | format(1) }}",
    "{% set b = 9 ** 9 ** 9 %}", "{{ ().__classx.y }}",
])  # fmt: skip
def test_reading_a_template_computes_nothing(source: str) -> None:
    assert Template(source).names() == frozenset()


@pytest.mark.parametrize(("source", "words"), [
    ("{{ " + "[" * 200 + "]" * 200 + " }}", "nested too deep"), ("{{ " + "not " * 900 + "a }}", "nested too deep"),
    ("{% for x in y %}" * 25 + "{% endfor %}" * 25, "too many statically nested blocks"),
])  # fmt: skip
def test_what_python_cannot_compile_is_told_in_a_sentence(source: str, words: str) -> None:
    for use in (Template(source).names, lambda: Template(source).render({"a": 1, "y": []})):
        with pytest.raises(TemplateError, match=words):
            use()
