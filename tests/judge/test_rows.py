from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from runner.expr import Quantity, parse, recorded
from runner.judge import Judgement, Rule, judge, needs
from runner.model.history import NO_PAST, Form, HistoryNeed, Past, Sample, Series
from runner.model.problem import Memory, Problem
from runner.model.quantity import Dimension
from runner.model.query import Rows
from runner.model.state import State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def table(*rows: Mapping[str, object]) -> Rows:
    columns = tuple(rows[0]) if rows else ()
    return Rows(columns=columns, rows=tuple(tuple(row[name] for name in columns) for row in rows))


def rule(*, warning: str = "", critical: str = "", clear: str = "", **more: object) -> Rule:
    return Rule(
        warning=tuple(parse(text) for text in warning.split("|") if text),
        critical=tuple(parse(text) for text in critical.split("|") if text),
        clear=parse(clear) if clear else None,
        **more,  # type: ignore[arg-type]
    )


def judged(given: Rule, *rows: Mapping[str, object], memory: Memory | None = None, past: Past = NO_PAST) -> Judgement:
    return judge(given, {"": table(*rows)}, past, memory or Memory(), {"limit": 5}, NOW)


def opened(state: State, *key: str) -> Memory:
    series = Series("", key)
    problem = Problem(job="j", target="t", series=series, state=state, since=NOW, seen=NOW, opened=NOW)
    return Memory(problems={series: problem})


@pytest.mark.parametrize(
    ("critical", "warning", "cell", "state", "reason"),
    [
        ("x > 9", "x > 5", 10, State.CRITICAL, "x (10) > 9"),
        ("x > 9", "x > 5", 7, State.WARNING, "x (7) > 5"),
        ("x > 9", "x > 5", 1, State.OK, ""),
        ("x > 9", "x > 5", None, State.UNKNOWN, "x is null"),
        ("y > 9", "x > 5", 7, State.UNKNOWN, "y is null"),
        ("x > 9", "y > 5", 7, State.UNKNOWN, "y is null"),
        ("x > 9", "y > 5", 10, State.CRITICAL, "x (10) > 9"),
        ("delta(x) > 9", "x > 5", 7, State.WARNING, "x (7) > 5"),
        ("delta(x) > 9", "x > 5", 1, State.LEARNING, "no history yet"),
        ("x > 9", "delta(x) > 5", 1, State.LEARNING, "no history yet"),
        ("delta(x) > 9", "y > 5", 1, State.UNKNOWN, "y is null"),
        ("y > 5|x > 9", "", 10, State.CRITICAL, "x (10) > 9"),
        ("y > 5|x > 9", "", 1, State.UNKNOWN, "y is null"),
        ("delta(x) > 1|y > 9", "", 1, State.UNKNOWN, "y is null"),
        ("", "x > 5|x > 2", 3, State.WARNING, "x (3) > 2"),
        ("", "x > params.limit", 6, State.WARNING, "x (6) > params.limit (5)"),
        ("", "true", 6, State.WARNING, "true"),
        ("z > 1", "", 6, State.UNKNOWN, "the result has no column z"),
        ("", "", 6, State.OK, ""),
    ],
)
def test_critical_before_warning_and_unknown_is_never_ok(
    critical: str, warning: str, cell: object, state: State, reason: str
) -> None:
    (row,) = judged(rule(critical=critical, warning=warning), {"x": cell, "y": None}).rows
    assert (row.state, row.reason) == (state, reason)
    assert row.threshold in {"", *critical.split("|"), *warning.split("|")}


@pytest.mark.parametrize(
    ("on_null", "critical", "warning", "state"),
    [
        ("ok", "y > 1", "x > 5", State.WARNING),
        ("ok", "y > 1", "x > 50", State.OK),
        ("ok", "", "y > 1", State.OK),
        ("warning", "y > 1", "", State.WARNING),
        ("critical", "y > 1", "x > 5", State.CRITICAL),
        ("warning", "y > 1", "x > 5", State.WARNING),
        ("ok", "text > 1", "", State.UNKNOWN),
        ("ok", "y > 1", "text > 1", State.UNKNOWN),
        ("ok", "y > 1|delta(x) > 1", "", State.LEARNING),
        ("warning", "y > 1|delta(x) > 1", "", State.WARNING),
        ("ok", "delta(x) > 1", "", State.LEARNING),
    ],
)
def test_on_null_speaks_for_missing_values_only(on_null: str, critical: str, warning: str, state: State) -> None:
    given = rule(critical=critical, warning=warning, on_null=on_null)
    assert judged(given, {"x": 7, "y": None, "text": "a"}).state is state


def test_rows_are_series_by_their_key_and_values_are_in_base_units() -> None:
    given = rule(warning="size > 1MB", key=("schema", "table"), kinds={"size": "kB"}, record=frozenset({"size"}))
    found = judge(
        given,
        {
            "shop": table({"schema": "public", "table": "orders", "size": 2048}),
            "log": table({"schema": None, "table": 5, "size": 1}),
        },
        NO_PAST, Memory(), {}, NOW,
    )  # fmt: skip
    assert [(str(row.series), row.state) for row in found.rows] == [
        ("shop/public.orders", State.WARNING),
        ("log/(null).5", State.OK),
    ]
    assert found.rows[0].values["size"] == Quantity(2 * 1024**2, Dimension.BYTES)
    assert found.observations[0].values == {"size": 2 * 1024**2}
    assert found.state is State.WARNING


def test_an_expression_without_columns_is_judged_once_per_database() -> None:
    given = rule(warning="rows > 1", critical="x > 8")
    found = judge(given, {"a": table({"x": 1}, {"x": 9}), "b": table({"x": 1})}, NO_PAST, Memory(), {}, NOW)
    assert [(row.series, row.state, row.reason) for row in found.whole] == [
        (Series("a"), State.WARNING, "rows (2) > 1"),
        (Series("b"), State.OK, ""),
    ]
    assert not found.whole[0].values
    assert {row.state for row in found.rows} == {State.OK, State.CRITICAL}


def test_whole_results_may_be_empty() -> None:
    found = judged(rule(critical="rows = 0", warning="x > 5"))
    assert (found.rows, found.state) == ((), State.CRITICAL)


def test_aggregates_mix_with_columns() -> None:
    found = judged(rule(warning="x > 1.5 * avg(x)", key=("x",)), *({"x": size} for size in (1, 1, 1, 9)))
    assert [row.state for row in found.rows][-1] is State.WARNING
    assert found.rows[-1].reason == "x (9) > 1.5 * avg(x) (3)"


@pytest.mark.parametrize(
    ("cell", "before", "state", "held"),
    [
        (7, State.WARNING, State.WARNING, True),
        (7, State.CRITICAL, State.CRITICAL, True),
        (7, State.OK, State.OK, False),
        (7, State.UNKNOWN, State.OK, False),
        (2, State.WARNING, State.OK, False),
        (12, State.CRITICAL, State.WARNING, False),
        (25, State.WARNING, State.CRITICAL, False),
    ],
)
def test_clear_keeps_a_problem_until_it_is_true(cell: int, before: State, state: State, held: bool) -> None:
    given = rule(warning="x > 10", critical="x > 20", clear="x < 5", key=("t",))
    (row,) = judged(given, {"t": "a", "x": cell}, memory=opened(before, "a")).rows
    assert (row.state, row.held) == (state, held)
    if held:
        assert row.reason == "not yet clear: x (7) < 5"
        assert row.threshold == "x < 5"


def test_clear_that_is_unknown_keeps_too_and_pending_problems_are_not_kept() -> None:
    given = rule(warning="x > 10", clear="y < 5", key=("t",))
    row = {"t": "a", "x": 1, "y": None}
    assert (
        judged(given, row, memory=opened(State.WARNING, "a")).rows[0].reason
        == "not yet clear (y is null): y (null) < 5"
    )
    series = Series("", ("a",))
    pending = Problem(job="j", target="t", series=series, state=State.WARNING, since=NOW, seen=NOW)
    assert judged(given, row, memory=Memory(problems={series: pending})).state is State.OK


def test_on_null_ok_clears_what_is_null() -> None:
    given = rule(warning="y > 10", clear="y < 5", key=("t",), on_null="ok")
    assert judged(given, {"t": "a", "y": None}, memory=opened(State.WARNING, "a")).state is State.OK


def test_clear_of_a_whole_result() -> None:
    given = rule(warning="rows > 3", clear="rows < 2")
    assert judged(given, {"x": 1}, {"x": 2}, memory=opened(State.WARNING)).whole[0].held
    assert judged(given, {"x": 1}, memory=opened(State.WARNING)).state is State.OK


def test_exceptions_leave_rows_out() -> None:
    given = rule(
        warning="true", key=("t",), exceptions=({"s": "public", "t": "spatial_*"}, {"t": "old"}, {"missing": "x"})
    )
    rows = [{"s": s, "t": t} for s, t in (("public", "spatial_ref"), ("x", "spatial_ref"), ("x", "old"), ("x", "new"))]
    assert [row.series.key for row in judged(given, *rows).rows] == [("spatial_ref",), ("new",)]


def test_computed_columns_are_named_by_later_ones_and_by_thresholds() -> None:
    given = rule(
        warning="part > 50%",
        key=("t",),
        computed={"both": parse("a + b"), "share": parse("a / both"), "part": parse("100 * both / sum(both)")},
        kinds={"part": "percent"},
        record=frozenset({"share"}),
    )
    found = judged(given, {"t": "x", "a": 1, "b": 3}, {"t": "y", "a": 5, "b": 5})
    assert [row.state for row in found.rows] == [State.OK, State.WARNING]
    assert [dict(seen.values) for seen in found.observations] == [{"share": 0.25}, {"share": 0.5}]
    assert found.rows[1].reason.startswith("part (71.4 %) > 50 %")


def test_history_is_asked_for_and_recorded_for_the_columns_that_look_back() -> None:
    given = rule(warning="delta(x) > 5", critical="rate(c, 1h) > 100", key=("t",))
    need = HistoryNeed(Form.PREVIOUS, "x")
    assert needs(given) == {need, HistoryNeed(Form.PREVIOUS, "c")}
    past = Past({Series("", ("a",)): {need: (Sample(NOW - timedelta(hours=1), 3),)}})
    found = judged(given, {"t": "a", "x": 9, "c": 5}, {"t": "b", "x": 9, "c": 5}, past=past)
    assert [row.state for row in found.rows] == [State.WARNING, State.LEARNING]
    assert found.observations[0].values == {"x": 9, "c": 5}


def test_duplicate_keys_share_the_worst_state_and_a_note_says_so() -> None:
    found = judged(rule(warning="x > 5", key=("t",), record=frozenset({"x"})), {"t": "a", "x": 1}, {"t": "a", "x": 9})
    assert [row.state for row in found.rows] == [State.WARNING, State.WARNING]
    assert [recorded(row.values["x"]) for row in found.rows] == [1, 9]
    assert found.notes == ("2 rows have the key a; the worst of them counts",)
    assert [seen.values for seen in found.observations] == [{"x": 1}]


def test_rows_without_a_key_are_told_apart_by_nothing() -> None:
    found = judged(rule(warning="x > 5"), {"x": 1}, {"x": 9})
    assert found.notes == ("2 rows and no `key:` to tell them apart; the worst counts",)


def test_a_missing_key_column_is_unknown() -> None:
    found = judged(rule(warning="x > 5", key=("t",)), {"x": 1})
    assert found.state is State.UNKNOWN
    assert found.whole[0].reason == "the result has no column t, which `key:` names"


def test_plugin_functions_are_the_rules() -> None:
    class Double:
        name = "acme.double"

        @staticmethod
        def call(number: float) -> float:
            return number * 2

    given = rule(warning="acme.double(x) > 5", functions={"acme.double": Double()})
    assert judged(given, {"x": 3}).state is State.WARNING


def test_a_hundred_thousand_rows_are_judged_in_time_that_grows_with_the_rows() -> None:
    given = rule(
        warning="dead > 100000 and dead > 20% of live",
        critical="delta(dead) > 1000000 or dead > 3 * avg(dead)",
        key=("t",),
    )
    need = HistoryNeed(Form.PREVIOUS, "dead")

    def seconds(count: int) -> float:
        rows = Rows(
            columns=("t", "dead", "live"), rows=tuple((f"t{place}", place, 9 * place) for place in range(count))
        )
        past = Past(
            {Series("", (f"t{place}",)): {need: (Sample(NOW - timedelta(hours=1), place),)} for place in range(count)}
        )
        start = time.process_time()
        assert len(judge(given, {"": rows}, past, Memory(), {}, NOW).rows) == count
        return time.process_time() - start

    seconds(1000)
    assert seconds(100_000) < 400 * max(seconds(1000), 0.005)
