from __future__ import annotations

import pytest

from runner.model.sql_text import as_text, bare, bind, placeholders, quote_name, written_at


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


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("select 'it''s' as x -- delete", "select         as x          "),
        ('select "a""b", E\'\\\'\' from t', "select       ,       from t"),
        ("/* a /* b */ c */ select $q$ x $q$", " " * 18 + "select" + " " * 10),
        ("select :n::int, a[1:2]", "select :n::int, a[1:2]"),
        ('select * from :"t"', 'select * from :"t"'),
        ("select 'never closed", "select 'never closed"),
    ],
)
def test_what_is_quoted_becomes_spaces(sql: str, left: str) -> None:
    assert bare(sql) == left
    assert len(bare(sql)) == len(sql)


def test_places_of_the_bound_text_are_found_in_the_written_one() -> None:
    sql = 'select :limit_of_rows + :other, :limit_of_rows from :"t" where wrong'
    params = {"limit_of_rows": 1, "other": 2, "t": "a_schema.a_table_with_a_long_name"}
    bound = bind(sql, params).sql
    for word in ("select", "+", "from", "where", "wrong"):
        assert written_at(sql, params, bound.index(word)) == sql.index(word)
    assert written_at(sql, params, bound.index("$2") + 1) == sql.index(":other")
    assert written_at(sql, params, bound.index('"a_table')) == sql.index(':"t"')
    assert written_at(sql, {}, 5) == 5
