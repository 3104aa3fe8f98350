"""Templates: what they print, what they say when they are wrong, and what cannot get through."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from runner.errors import TemplateError
from runner.model.quantity import Dimension
from runner.template import Template, clean, clip


@dataclass(frozen=True)
class WithUnit:
    value: object
    dimension: Dimension


NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("{{ x | count }}", 1234567, "1,234,567"),
        ("{{ x | count }}", [1, 2, 3], "3"),
        ("{{ x | count }}", None, "n/a"),
        ("{{ x | number }}", Decimal("0.25"), "0.25"),
        ("{{ x | number }}", WithUnit(1500, Dimension.NUMBER), "1,500"),
        ("{{ x | bytes }}", 1536, "1.5 kB"),
        ("{{ x | bytes }}", WithUnit(10 * 1024**3, Dimension.BYTES), "10.0 GB"),
        ("{{ x | bytes }}", float("inf"), "inf"),
        ("{{ x | duration }}", 200, "3 min 20 s"),
        ("{{ x | duration }}", float("nan"), "nan"),
        ("{{ x | signed }}", WithUnit(1536, Dimension.BYTES), "+1.5 kB"),
        ("{{ x | signed }}", WithUnit(-90, Dimension.SECONDS), "-1 min 30 s"),
        ("{{ x | signed }}", None, "n/a"),
        ("{{ x | percent }}", 0.123, "12.3 %"),
        ("{{ x | percent }}", None, "n/a"),
        ("{{ x | time }}", NOON.astimezone(timezone(timedelta(hours=2))), "2026-11-24 12:00 UTC"),
        ("{{ x | time }}", "2026-11-24T12:00:00+00:00", "2026-11-24 12:00 UTC"),
        ("{{ x | time }}", "yesterday", "yesterday"),
        ("{{ x | time }}", None, "n/a"),
        ("{{ x }}", None, "n/a"),
        ("{{ x }}", True, "true"),
        ("{{ x }}", WithUnit(90, Dimension.SECONDS), "1 min 30 s"),
        ("{{ x }}", NOON, "2026-11-24 12:00 UTC"),
        ("{{ x | upper }}", "abc", "ABC"),
        ("no variables, 50 %", None, "no variables, 50 %"),
    ],
)
def test_values_are_shown_for_people(source: str, value: object, expected: str) -> None:
    assert Template(source).render({"x": value}) == expected


@pytest.mark.parametrize(
    ("source", "message", "hint", "line"),
    [
        ("\n{{ dead_row }}", "message names `dead_row`, which does not exist", "did you mean `dead_rows`?", 2),
        ("{{ zzz }}", "message names `zzz`, which does not exist", "there is `dead_rows`, `table`", 1),
        ("{{ dead_rows | byte }}", "message cannot be read: no filter named 'byte'", "did you mean `bytes`?", 1),
        ("{{ dead_rows.x.y }}", "message cannot be filled in: 'int object' has no attribute 'x'", "", 1),
        ("{{ 1 / 0 }}", "message cannot be filled in: division by zero", "", 1),
    ],
)
def test_errors_name_the_variable_and_the_choices(source: str, message: str, hint: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source, name="message").render({"dead_rows": 1, "table": "orders"})
    assert (caught.value.message, caught.value.hint, caught.value.line) == (message, hint, line)


@pytest.mark.parametrize("source", ["{{ ''.__class__ }}", "{{ x.__init__.__globals__ }}", "{{ range(10**9) | list }}"])
def test_the_sandbox_holds(source: str) -> None:
    with pytest.raises(TemplateError):
        Template(source).render({"x": WithUnit(1, Dimension.NUMBER)})


def test_data_is_never_a_template() -> None:
    assert Template("{{ x }}").render({"x": "{{ 1 + 1 }} {% raw %}"}) == "{{ 1 + 1 }} {% raw %}"


def test_names_are_what_the_context_must_give() -> None:
    assert Template("{{ a }}{% for b in c %}{{ b }}{% endfor %}").names() == {"a", "c"}
    assert Template("plain").names() == frozenset()
    with pytest.raises(TemplateError) as caught:
        Template("{{ a", name="message").names()
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("two\r\nlines\nand\u2028more", "two lines and more"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("abc\u202edcba", "abcdcba"),
        ("\ud800 lone", "\ufffd lone"),
        ("tab\tstop", "tab stop"),
        ("grüße 表 👩‍🔧", "grüße 表 👩‍🔧"),
    ],
)
def test_clean_leaves_nothing_that_harms(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert clean(expected) == expected


def test_clean_keeps_newlines_only_when_asked() -> None:
    assert clean("a\r\nb\x1b[2Jc\n", newlines=True) == "a\nbc\n"
    assert Template("{{ x }}\n", multiline=True).render({"x": 1}) == "1\n"


def test_output_is_clipped() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert len(clean("x" * 1_000_000)) == 2000
    assert Template("{{ x }}", limit=10).render({"x": "y" * 1_000_000}) == "yyyyyyyyy…"


def test_jinja_is_imported_only_for_templates_that_need_it() -> None:
    script = (
        "import sys; from runner.template import Template; Template('plain').render({}); "
        "Template('{{ x | of(\"y\") }}{% if x %}{% endif %}').render({'x': 1}); assert 'jinja2' not in sys.modules; "
        "Template('{% set x = 1 %}').render({}); assert 'jinja2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
