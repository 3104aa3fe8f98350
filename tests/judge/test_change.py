from __future__ import annotations

from datetime import UTC, datetime

from runner.expr import parse
from runner.judge import Rule, by_series, judge_change
from runner.model.history import Series
from runner.model.query import Rows
from runner.model.state import State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULE = Rule(
    key=("t",),
    kinds={"dead": "count"},
    warning=(parse("after.dead > 10% of before.dead and before.dead > 1000"),),
    record=frozenset({"dead"}),
)


def measured(**dead: int | None) -> dict[str, Rows]:
    return {"shop": Rows(columns=("t", "dead"), rows=tuple(dead.items()))}


def test_rows_are_paired_by_their_series() -> None:
    before = by_series(RULE, measured(a=5000, b=5000, gone=5000, small=10))
    after = by_series(RULE, measured(a=400, b=600, small=10, new=3))
    found = judge_change(RULE, before, after, now=NOW)
    assert {row.series.key[0]: row.state for row in found.rows} == {
        "a": State.OK,
        "b": State.WARNING,
        "gone": State.UNKNOWN,
        "small": State.OK,
        "new": State.UNKNOWN,
    }
    reasons = {row.series.key[0]: row.reason for row in found.rows}
    assert reasons["gone"] == "there is no row after"
    assert reasons["new"] == "there is no row before"
    assert reasons["b"] == "after.dead (600) > 10 % of before.dead (5,000) and before.dead (5,000) > 1,000"
    assert [seen.series.key for seen in found.observations] == [("a",), ("b",), ("small",), ("new",)]
    assert {row.series.key[0] for row in found.rows if row.before is None} == {"new"}


def test_whole_measurements_compare_by_their_aggregates() -> None:
    rule = Rule(key=("t",), critical=(parse("sum(after.dead) > 50% of sum(before.dead)"),))
    found = judge_change(rule, by_series(rule, measured(a=100, b=100)), by_series(rule, measured(a=90, b=20)), now=NOW)
    assert [(row.series, row.state) for row in found.whole] == [(Series("shop"), State.CRITICAL)]


def test_a_column_alone_is_that_of_the_row_after() -> None:
    rule = Rule(key=("t",), warning=(parse("dead > 50"),))
    found = judge_change(rule, by_series(rule, measured(a=100)), by_series(rule, measured(a=40)), now=NOW)
    assert found.state is State.OK


def test_a_table_without_the_key_gives_no_rows() -> None:
    assert by_series(Rule(key=("missing",)), measured(a=1)) == {}
