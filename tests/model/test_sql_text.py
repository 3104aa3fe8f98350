from __future__ import annotations

import pytest

from runner.model.sql_text import as_text, bind, placeholders, quote_name


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select :a, :b", ["a", "b"]),
        ("select x::text, y :: int", []),
        ("select ':a' || E'\\':a' || $$:a$$ || $q$ :a $q$ -- :a", []),
        ("select 1 /* :a /* :b */ :c */ , :d", ["d"]),
        ('select ":a" from :"t"', ["t"]),
        ("select a[1:n], a[lo:hi], a[:n]", ["n"]),
        ("select (arr)[1:2], $1", []),
        ("do := 1", []),
        ("select 'it''s :a', :b", ["b"]),
    ],
)
def test_placeholders_are_found_outside_of_everything_quoted(sql: str, names: list[str]) -> None:
    assert [found.name for found in placeholders(sql)] == names


def test_a_value_is_bound_once_and_an_identifier_is_quoted() -> None:
    bound = bind('select :n + :n, :m from :"t"', {"n": 1, "m": None, "t": 'app.we"ird'})
    assert bound.sql == 'select $1 + $1, $2 from "app"."we""ird"'
    assert bound.values == ("1", None)


def test_what_is_not_a_parameter_stays() -> None:
    assert bind("select :other", {"n": 1}).sql == "select :other"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), ([1, None, 'a"b\\'], '{"1",null,"a\\"b\\\\"}'), (1.5, "1.5"), ("x", "x")],
)
def test_values_in_the_servers_text_form(value: object, text: str) -> None:
    assert as_text(value) == text


def test_quoted_parts_stay_whole() -> None:
    assert quote_name('"a.b".c') == '"a.b"."c"'
