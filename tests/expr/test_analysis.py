from __future__ import annotations

import pytest
from hypothesis import given, settings

from runner.expr import Scope, analyse, parse
from runner.model.history import Form, HistoryNeed
from runner.model.quantity import Dimension
from tests.expr.test_evaluate import CONDITIONS

SCOPE = Scope(
    columns={
        "dead_rows": "count", "live_rows": "count", "size": "bytes", "lag": "interval", "used": "percent",
        "raw": None, "name": "text", "ts": "timestamp", "has_pk": "bool",
    },
    params={"limit": "10GB", "factor": 2},
    computed={"share": parse("dead_rows / live_rows")},
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "dead_rows > 20% of live_rows",
        "dead_rows / live_rows > 10% and dead_rows / live_rows > 0.1",
        "share > 10%",
        "100 * dead_rows / live_rows > 80",
        "used > 80%",
        "size > params.limit and dead_rows > params.factor * live_rows",
        "dead_rows > 1GB",
        "raw > 5min and raw > 5 and raw > 5GB",
        "raw",
        "has_pk is false and not has_pk",
        "growth(size, 7d) > 20% and rate(size, 1h) > 1GB",
        "eta(used, 100%) < 7d",
        "lag / 2 > 5min and lag / lag > 10%",
        "size / lag > 1MB",
        "ts - ts > 7d and age(ts) > 7d and ts + 7d > ts",
        "greatest(size, 5) > 1GB",
        "name in ('a', 'b') and name matches 'x' and length(name) > 5",
        "previous.size < size and changed(name)",
        "coalesce(lag, 0s) > 5min",
        "all(lag < 5min)",
    ],
)
def test_what_is_right_has_no_problems(text: str) -> None:
    assert analyse(parse(text), SCOPE).problems == ()


@pytest.mark.parametrize(
    ("text", "code", "said", "hint", "where"),
    [
        ("dead_row > 5", "column", "no column `dead_row`", "`dead_rows`", "dead_row"),
        ("Dead_Rows > 5", "column", "no column", "`dead_rows`", "Dead_Rows"),
        ("previous.sizes > 5", "column", "no column `sizes`", "`size`", "previous.sizes"),
        ("factor > 5", "column", "no column", "`params.factor`", "factor"),
        ("params.limits > 5", "param", "no parameter `limits`", "`limit`", "params.limits"),
        ("averge(size) > 5", "function", "no function `averge`", "`avg`", "averge"),
        ("SUM(size) > 5", "function", "no function `SUM`", "`sum`", "SUM"),
        ("ifnull(size, 5) > 5", "function", "no function", "`coalesce`", "ifnull"),
        ("previous(size) > 5", "function", "no function", "previous.column", "previous"),
        ("dead_rows > 5min", "unit", "a number", "columns: {dead_rows: ms}", "dead_rows > 5min"),
        ("lag > 5", "unit", "a duration", "5s, 5min", "lag > 5"),
        ("dead_rows > 80%", "unit", "a share", "80% of y", "dead_rows > 80%"),
        ("raw > 80%", "unit", "not declared", "declare `columns: {raw: percent}`", "raw > 80%"),
        ("used > 80", "unit", "a share", "write 80%", "used > 80"),
        ("used > 0.8", "unit", "a share", "write 80%", "used > 0.8"),
        ("growth(size) > 20", "unit", "a share", "write 20%", "growth(size) > 20"),
        ("size + lag > 1GB", "unit", "a size", "one kind", "size + lag"),
        ("size * size > 1GB", "unit", "a size", "one kind", "size * size"),
        ("name > 5", "unit", "text", "one kind", "name > 5"),
        ("'size' > 5GB", "unit", "text", "without quotes: size", "'size' > 5GB"),
        ("ts > 7d", "unit", "a time", "age(x) > 7d", "ts > 7d"),
        ("lag between 1 and 5min", "unit", "a duration", "1s", "lag between 1 and 5min"),
        ("name in ('a', 5)", "unit", "text", "one kind", "5"),
        ("size matches 'x'", "unit", "wants text", "column of text", "size"),
        ("age(lag) > 5d", "unit", "wants a time", "timestamps", "lag"),
        ("delta(name) > 5", "unit", "wants a number", "numbers", "name"),
        ("eta(size, 5min) < 5d", "unit", "a duration", "one kind", "5min"),
        ("size", "type", "condition", "`size > …`", "size"),
        ("not size", "type", "condition", "`size > …`", "size"),
        ("name = 'a' or 'b'", "type", "condition", "in (…, 'b')", "'b'"),
        ("count(size) > 5", "type", "condition", "`size > …`", "size"),
        ("count() > 5", "arguments", "takes 1 argument, not 0", "`rows`", "count()"),
        ("min(size, 5) > 5", "arguments", "takes 1 argument, not 2", "`least`", "min(size, 5)"),
        ("at(size) > 5GB", "arguments", "takes 2 arguments", "at(x, ago)", "at(size)"),
        ("at(size, 7) > 5GB", "arguments", "written duration", "7d", "7"),
        ("delta(size + 1) > 5", "arguments", "looks back at a column", "computed", "size + 1"),
        ("max(sum(size)) > 5", "arguments", "inside itself", "computed", "sum(size)"),
        ("sum(5) > 5", "arguments", "names no column", "`rows`", "5"),
        ("before.size > 5", "syntax", "no `before` here", "previous.x", "before.size"),
    ],
)
def test_problems_name_their_place_and_the_way_out(text: str, code: str, said: str, hint: str, where: str) -> None:
    (problem,) = analyse(parse(text), SCOPE).problems
    assert problem.code == f"expression-{code}"
    assert said in problem.message
    assert hint in problem.hint
    assert text[problem.start : problem.end] == where


def test_all_problems_at_once_in_the_order_of_the_text() -> None:
    found = analyse(parse("dead_row > 5 and lag > 5 and foo(1) and params.x > 1"), SCOPE).problems
    assert [problem.code.removeprefix("expression-") for problem in found] == ["column", "unit", "function", "param"]


def test_unknown_columns_are_accepted_when_columns_are_not_known() -> None:
    scope = Scope(columns={"x": None}, known=False)
    assert analyse(parse("anything > 5 and previous.other > 1"), scope).problems == ()


def test_phases_and_values() -> None:
    scope = Scope(columns={"x": "count"}, phases=True)
    assert analyse(parse("after.x > 10% of before.x"), scope).problems == ()
    assert analyse(parse("x + 1"), scope, wanted="value").dimension is Dimension.NUMBER
    assert analyse(parse("x / 2 / x"), scope, wanted="value").problems == ()


@pytest.mark.parametrize(
    ("text", "per_row"),
    [
        ("size > 5", True),
        ("size > 3 * avg(size)", True),
        ("delta(size) > 1", True),
        ("previous.size > 1", True),
        ("before.size > 1", True),
        ("true", True),
        ("params.limit > 5GB", True),
        ("rows > 0", False),
        ("sum(size) > 5 and rows > params.factor", False),
        ("max(delta(size)) > 1GB", False),
    ],
)
def test_an_expression_that_names_a_column_is_judged_per_row(text: str, per_row: bool) -> None:
    assert analyse(parse(text), SCOPE).per_row is per_row


def test_needs_name_columns_and_spans() -> None:
    text = (
        "previous.a > delta(b) and growth(c) > growth(c, 7d) and at(d, 1d) > avg_over(e, 2h)"
        " and eta(f, 5) < 1d and eta(g, 5, 30d) < 1d and changed(h) and rate(i, 1h) > 1"
    )
    day = 86400.0
    assert analyse(parse(text), Scope(known=False)).needs == {
        HistoryNeed(Form.PREVIOUS, "a"), HistoryNeed(Form.PREVIOUS, "b"), HistoryNeed(Form.PREVIOUS, "c"),
        HistoryNeed(Form.NEAREST, "c", 7 * day), HistoryNeed(Form.NEAREST, "d", day),
        HistoryNeed(Form.WINDOW, "e", 7200.0), HistoryNeed(Form.WINDOW, "f", 7 * day),
        HistoryNeed(Form.WINDOW, "g", 30 * day), HistoryNeed(Form.PREVIOUS, "h"), HistoryNeed(Form.PREVIOUS, "i"),
    }  # fmt: skip
    assert analyse(parse("params.a > b"), Scope(known=False)).params == {"a"}


@given(CONDITIONS)
@settings(max_examples=150, deadline=None)
def test_analysis_never_raises(text: str) -> None:
    for scope in (Scope(known=False), Scope(), Scope(columns={"a": "count", "b": "text", "c": "interval"})):
        assert analyse(parse(text), scope).columns <= {"a", "b", "c"}
