"""A template says the same whether or not the template engine was asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from jinja2 import meta

import runner
from runner.app.catalogue.entries import known_of
from runner.app.loading import load
from runner.errors import TemplateError
from runner.kinds.check.spec import CheckSpec
from runner.template import Template, _environment, _plain

NAMES = st.sampled_from(
    ["a", "b", "rows", "row", "n", "size", "nothing", "missing", "loop", "true", "none", "in", "range", "x_1"]
)
CONSTANTS = st.sampled_from(
    ["1", "0", "007", "1.5", "1e3", "'s'", '"t"', "'it\\'s'", "none", "true", "[1, 2]", "[]", "()", "(1, 2)", "-1"]
)
FILTERED = st.sampled_from([
    "count", "length", "bytes", "duration", "number", "percent", "signed", "ident", "time", "list", "join(', ')", "join", "sum",
    "of('table')", "of('index', 'indexes')", "of('a', )", "of(noun='a')", "of('a', noun='b')", "upper", "nope", "unique",
    "map(attribute='size')", "map(attribute='size.value') | sum", "map('upper')", "unique | join(';')", "sum(5)", "first",
    "selectattr('state', 'equalto', 'critical') | list | length", "rejectattr('state', 'in', ['ok', 'learning']) | list | count",
    "selectattr('state', 'defined') | list | length", "map(attribute='__class__') | list", "map(attribute='0') | join",
])  # fmt: skip
OPERATORS = st.sampled_from([
    "~", "+", "-", "*", "==", "!=", "<", ">=", " and ", " or ", " in ", " not in ", " is ", "|", ",", ".", " if ", " else ",
])  # fmt: skip
EXPRESSIONS = st.recursive(
    st.one_of(NAMES, CONSTANTS, st.builds("{}.{}".format, NAMES, st.sampled_from(["value", "size", "state", "items", "_x", "first", "b"]))),
    lambda inner: st.one_of(
        st.builds("{} | {}".format, inner, FILTERED),
        st.builds("{}{}{}".format, inner, OPERATORS, inner),
        st.builds("({})".format, inner),
        st.builds("not {}".format, inner),
        st.builds("{} if {} else {}".format, inner, inner, inner),
        st.builds("{} is {}none".format, inner, st.sampled_from(["", "not "])),
        st.builds("{}[{}]".format, inner, st.sampled_from(["0", "'size'", "9", "-1", "1:"])),
    ),
    max_leaves=6,
)  # fmt: skip
TAGS = st.builds(
    "{}{}{}{}".format, st.sampled_from(["{{ ", "{{- ", "{{"]), EXPRESSIONS, st.just(" "), st.sampled_from(["}}", "-}}"])
)
TEXTS = st.sampled_from(
    ["text ", " ", "}}", "{", "{{", "{%", "{#", "\n", "-", "é", "%", "| ", " if x", "''", "'", "%}"]
)
BODIES = st.recursive(
    st.one_of(TAGS, TEXTS),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, EXPRESSIONS, inner),
        st.builds("{{%- if {} %}}{}{{%- elif {} -%}}{}{{% else %}}{}{{% endif -%}}".format, EXPRESSIONS, inner, EXPRESSIONS, inner, inner),
        st.builds("{{% for {} in {} %}}{}{{% else %}}{}{{% endfor %}}".format, NAMES, EXPRESSIONS, inner, inner),
    ),
    max_leaves=6,
)  # fmt: skip
ROWS = [{"size": 5, "state": "ok", "b": "x"}, {"size": 7, "state": "critical", "b": "X"}]
CONTEXT = {
    "a": 3, "b": "text", "rows": ROWS, "row": ROWS[0], "n": -2.5, "size": 1 << 30, "nothing": None, "x_1": [1, "two"], "loop": "?",
}  # fmt: skip


def filled_by_jinja(source: str) -> str | None:
    try:
        return _environment().from_string(source).render(CONTEXT)
    except Exception:
        return None


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_what_is_read_plainly_is_what_the_engine_reads(source: str) -> None:
    plain = _plain(source)
    if plain is None:
        return
    assert plain.names == meta.find_undeclared_variables(_environment().parse(source))
    try:
        text = plain.fill(CONTEXT)
    except Exception:
        return
    assert text == filled_by_jinja(source)


def every_template() -> list[str]:
    home = load(str(Path(runner.__file__).parent.parent), no_plugins=True, environ={})
    jobs = [*home.home.jobs, *(item.job for item in known_of(home))]
    specs = [job.spec for job in jobs if isinstance(job.spec, CheckSpec)]
    return sorted(
        {text for spec in specs for text in (spec.summary, spec.message) if text} | {job.hint for job in jobs}
    )


def test_almost_no_template_of_the_catalogue_needs_the_engine() -> None:
    """Its import would cost more than the check."""
    sources = every_template()
    assert len(sources) > 300
    left = [source for source in sources if _plain(source) is None]
    assert len(left) < len(sources) / 25, left
    for source in set(sources) - set(left):
        plain = _plain(source)
        assert plain is not None
        assert plain.names == meta.find_undeclared_variables(_environment().parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "{% set a = 1 %}", "{{ not }}", "{{ a | upper }}", "{ {{ a }}", "{{ a", "{{ range }}", "{# a #}", "{{ a() }}",
        "{% if a %}", "{% endif %}", "{% if a %}{% endfor %}", "{{ a is none if b else c }}", "{{ _a }}", "{{ a._b }}", "{{ loop }}",
        "{% for a in b recursive %}{% endfor %}", " {% if a %}{% endif %}", "{{ 007 }}", "{{ a < b < c }}", "{{ of(a) }}",
    ],
)  # fmt: skip
def test_everything_else_is_asked_of_the_engine(source: str) -> None:
    assert _plain(source) is None


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
