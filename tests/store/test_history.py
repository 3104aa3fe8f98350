from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.model.history import Form, HistoryNeed, Number, Past, Sample, Series
from runner.model.result import Observation
from runner.store.base import Store
from runner.store.memory import WithoutStore
from tests.store.make import T0, finish, hours, make_result, measure, observed

A, B = Series("db", ("a",)), Series("db", ("b",))
PREVIOUS = HistoryNeed(Form.PREVIOUS, "x")
HOUR = 3600.0


def values(store: Store, need: HistoryNeed, at: float, series: Series = A) -> list[Number]:
    return [sample.value for sample in store.past("j", "t", [need], hours(at)).of(series, need)]


def test_no_past_is_empty(store: Store) -> None:
    assert store.past("j", "t", [PREVIOUS], T0) == Past()
    assert store.trend("j", "t", "x", T0) == {}
    measure(store, "a", T0, {A: {"x": 1}})
    assert store.past("j", "t", [], hours(1)) == Past()


@pytest.mark.parametrize(
    "value", [0, -(10**60), 10**19, 1.5, 1e300, True, False, None, "größe \"'", "2027-01-01T00:00:00Z"]
)
def test_values_keep_their_type_and_size(store: Store, value: Number) -> None:
    measure(store, "a", T0, {A: {"x": value}})
    (found,) = values(store, PREVIOUS, 1)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_kept_as_null(store: Store, value: float) -> None:
    measure(store, "a", T0, {A: {"x": value, "y": 1}, B: {"x": 2}})
    assert (values(store, PREVIOUS, 1), values(store, PREVIOUS, 1, B)) == ([None], [2])


@pytest.mark.parametrize("column", ["x", "größe", 'a"b', "a\\b", "a.b", "$", "", "a b", "x'y", "\n"])
def test_columns_of_any_name_can_be_read(store: Store, column: str) -> None:
    measure(store, "a", T0, {A: {column: 1, "other": 2}})
    assert values(store, HistoryNeed(Form.PREVIOUS, column), 1) == [1]


def test_names_that_look_alike_are_different_series(store: Store) -> None:
    names = [Series(), Series("", ("",)), Series("", ("a", "b")), Series("", ("a.b",)), Series("", ('a","b',)), Series("a", ("b",)),
             Series("", ("a,\nb",)), Series("", ("]\n[",)), Series("", ("é",)), Series("é"), Series("", ("\x00",))]  # fmt: skip
    measure(store, "a", T0, {series: {"x": index, "t": "},\n{"} for index, series in enumerate(names)})
    past = store.past("j", "t", [PREVIOUS], hours(1))
    assert {series: past.of(series, PREVIOUS)[0].value for series in past.samples} == dict(
        zip(names, range(11), strict=True)
    )


def test_lone_surrogates_do_not_stop_a_recording(store: Store) -> None:
    measure(store, "a", T0, {Series("\ud800", ("k\udfff",)): {"x": "v\ud800"}, A: {"x": "ok"}})
    assert values(store, PREVIOUS, 1, Series("\ufffd", ("k\ufffd",))) == ["v\ufffd"]
    assert values(store, PREVIOUS, 1) == ["ok"]


def test_previous_is_the_newest_before_now(store: Store) -> None:
    for index in range(3):
        measure(store, f"r{index}", hours(index), {A: {"x": index}})
    assert [values(store, PREVIOUS, at) for at in (0, 0.5, 1, 2, 2.1, 99)] == [[], [0], [0], [1], [2], [2]]
    past = store.past("j", "t", [PREVIOUS], hours(5))
    assert past.of(A, PREVIOUS) == (Sample(hours(2), 2),)


def test_previous_of_a_row_that_was_away_is_its_last_sample(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}, B: {"x": 10}})
    measure(store, "r1", hours(1), {A: {"x": 1}})
    measure(store, "r2", hours(2), {A: {"x": 2}})
    assert values(store, PREVIOUS, 3, B) == [10]
    assert [values(store, PREVIOUS, 1.5, B), values(store, PREVIOUS, 1.5)] == [[10], [1]]
    measure(store, "r3", hours(3), {A: {"x": 3}, B: {"x": 13}})
    measure(store, "r4", hours(4), {B: {"x": 14}})
    assert [values(store, PREVIOUS, 5, B), values(store, PREVIOUS, 5)] == [[14], [3]]


def test_a_run_that_saw_nothing_changes_no_past(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}})
    measure(store, "r1", hours(1), {})
    assert values(store, PREVIOUS, 2) == [0]


def test_a_column_that_was_not_recorded_has_no_sample(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}})
    measure(store, "r1", hours(1), {A: {"y": 1}, B: {"x": None}})
    past = store.past("j", "t", [PREVIOUS], hours(2))
    assert dict(past.samples) == {B: {PREVIOUS: (Sample(hours(1), None),)}}


@pytest.mark.parametrize(
    ("span", "expected"),
    [(4, [6]), (4.4, [6]), (4.6, [5]), (4.5, [5]), (0.9, [9]), (0.5, []), (14, []), (13.2, [0]), (8, [2])],
)
def test_nearest_is_within_a_quarter_of_the_span(store: Store, span: float, expected: list[Number]) -> None:
    for index in (0, 2, 5, 6, 9):
        measure(store, f"r{index}", hours(index), {A: {"x": index}})
    assert values(store, HistoryNeed(Form.NEAREST, "x", span * HOUR), 10) == expected


def test_nearest_is_found_for_each_row_by_itself(store: Store) -> None:
    need = HistoryNeed(Form.NEAREST, "x", 8 * HOUR)
    measure(store, "r1", hours(1), {A: {"x": 1}, B: {"x": 11}})
    measure(store, "r2", hours(2), {A: {"x": 2}})
    measure(store, "r3", hours(3), {B: {"x": 13}, A: {"x": 3}})
    past = store.past("j", "t", [need], hours(10))
    assert (past.of(A, need)[0].value, past.of(B, need)[0].value) == (2, 11)


def test_a_window_holds_what_is_in_the_span_before_now(store: Store) -> None:
    for index in range(6):
        measure(store, f"r{index}", hours(index), {A: {"x": index}} if index != 3 else {B: {"x": 0}})
    assert values(store, HistoryNeed(Form.WINDOW, "x", 4 * HOUR), 5) == [1, 2, 4]
    assert values(store, HistoryNeed(Form.WINDOW, "x", 60.0), 9) == []


def test_several_needs_are_answered_together_and_nothing_else(store: Store) -> None:
    for index in range(3):
        measure(store, f"r{index}", hours(index), {A: {"x": index, "y": index * 10, "z": 0}})
    needs = [
        PREVIOUS,
        HistoryNeed(Form.PREVIOUS, "y"),
        HistoryNeed(Form.WINDOW, "y", 9 * HOUR),
        HistoryNeed(Form.NEAREST, "x", 2 * HOUR),
    ]
    past = store.past("j", "t", [*needs, PREVIOUS], hours(3))
    assert {need: [sample.value for sample in samples] for need, samples in past.samples[A].items()} == dict(
        zip(needs, [[2], [20], [0, 10, 20], [1]], strict=True)
    )


def test_jobs_and_targets_do_not_see_each_other(store: Store) -> None:
    measure(store, "a", T0, {A: {"x": 1}})
    measure(store, "b", T0, {A: {"x": 2}}, target="u")
    measure(store, "c", T0, {A: {"x": 3}}, job="k")
    assert [
        store.past(job, target, [PREVIOUS], hours(1)).of(A, PREVIOUS)[0].value for job, target in ("jt", "ju", "kt")
    ] == [1, 2, 3]


def test_a_trend_is_oldest_first(store: Store) -> None:
    for index in range(4):
        measure(store, f"r{index}", hours(index), {A: {"x": index}, B: {"y": 1}})
    assert store.trend("j", "t", "x", hours(1)) == {A: tuple(Sample(hours(index), index) for index in (1, 2, 3))}


def test_rows_with_the_same_key_stay_in_the_result_and_the_last_is_remembered(store: Store) -> None:
    doubled = (
        Observation(series=A, values={"x": 1}),
        Observation(series=B, values={"x": 5}),
        Observation(series=A, values={"x": 2}),
    )
    finish(store, make_result("a", observations=doubled))
    assert store.latest()[0].outcome.observations == doubled
    assert values(store, PREVIOUS, 1) == [2]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    runs=st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 3))), max_size=8, unique_by=lambda run: run[0]),
    now=st.integers(0, 80),
    span=st.integers(1, 60),
    ordered=st.booleans(),
)
def test_the_past_is_what_a_plain_search_finds(
    runs: list[tuple[int, set[int]]], now: int, span: int, ordered: bool
) -> None:
    needs = [PREVIOUS, HistoryNeed(Form.NEAREST, "x", span * HOUR), HistoryNeed(Form.WINDOW, "x", span * HOUR)]
    # Runs out of order are a clock that jumped back; then the newest recorded one may stand for the newest.
    needs = needs if ordered else needs[1:]
    with WithoutStore() as store:
        for at, rows in sorted(runs) if ordered else runs:
            measure(store, f"r{at}", hours(at), {Series("", (str(row),)): {"x": at} for row in rows})
        past = store.past("j", "t", needs, hours(now))
    for row in range(4):
        series = Series("", (str(row),))
        seen = sorted(at for at, rows in runs if row in rows and at < now)
        near = [at for at in seen if abs(at - (now - span)) <= span / 4]
        expected = [
            seen[-1:],
            sorted(near, key=lambda at: (abs(at - (now - span)), at))[:1],
            [at for at in seen if at >= now - span],
        ]
        found = [[sample.value for sample in past.of(series, need)] for need in needs]
        assert found == (expected if ordered else expected[1:])


def test_samples_carry_the_time_of_the_run_in_utc(store: Store) -> None:
    at = T0 + timedelta(microseconds=7)
    finish(store, make_result("a", at, observations=observed({A: {"x": 1}})))
    assert store.past("j", "t", [PREVIOUS], hours(1)).of(A, PREVIOUS)[0].at == at
