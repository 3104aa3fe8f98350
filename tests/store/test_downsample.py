"""Old samples become hours and days; whatever is pruned when, the whole history says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.errors import StoreError
from runner.expr import Environment, Quantity, parse, quantity, value
from runner.model.history import Form, HistoryNeed, Number, Sample, Series, Summary
from runner.model.quantity import Dimension
from runner.store import pruning
from runner.store.base import Pruned, Recorded, Store
from runner.store.memory import WithoutStore
from tests.store.make import T0, hours, make_claim, make_report, make_result, measure, observed

A, B = Series("", ("a",)), Series("", ("b",))
DAY, HOUR = 86400.0, 3600.0
KEEP = {"keep_samples": 2 * DAY, "keep_runs": 400 * DAY, "keep_hourly": 4 * DAY, "keep_daily": 30 * DAY}


def tell(store: Store) -> None:
    """A report of all that waits for one, so that nothing is kept for it."""
    store.record([], report=make_report("all", store.unreported()), deliveries=[], now=T0)


def record(store: Store, every: float, until: float) -> None:
    """One value an `every` hours, counting up from 0; B only in every fifth."""
    for index in range(int(until / every)):
        rows: dict[Series, dict[str, Number]] = {A: {"x": index, "t": f"v{index}"}}
        if index % 5 == 0:
            rows[B] = {"x": -index}
        measure(store, f"r{index}", hours(index * every), rows)
    tell(store)


def prune(store: Store, days: float, **keep: float) -> Pruned | None:
    return store.prune(T0 + timedelta(days=days), **{**KEEP, **keep})


def test_raw_then_hours_then_days_then_nothing(store: Store) -> None:
    record(store, 0.25, 10 * 24)
    pruned = prune(store, 10)
    assert pruned is not None
    assert pruned.finished
    seen = store.trend("j", "t", "x", T0)[A]
    assert [(sample.at - T0, sample.summary.count if sample.summary else 0) for sample in seen[:6]] == [
        (timedelta(hours=24 * day + 23, minutes=45), 96) for day in range(6)
    ]
    assert {sample.summary.count for sample in seen[6 : 6 + 48] if sample.summary} == {4}
    assert len(seen) == 6 + 48 + 192
    assert all(sample.summary is None for sample in seen[6 + 48 :])
    assert seen[0] == Sample(hours(23.75), 95, Summary(96, 0, 95, 47.5))
    assert prune(store, 33) is not None
    assert store.trend("j", "t", "x", T0)[A][0].at > T0 + timedelta(days=3)


def test_what_each_column_keeps(store: Store) -> None:
    cells: Sequence[dict[str, Number]] = [
        {"n": 1, "text": "a", "flag": True, "mixed": 1, "rare": 5.5, "null": None, "huge": 10**400},
        {"n": None, "text": "b", "flag": False, "mixed": "x", "null": None, "huge": 1},
        {"n": 2.5, "text": None, "flag": True, "mixed": 3, "null": None, "huge": 2},
    ]
    for index, values in enumerate(cells):
        measure(store, f"r{index}", T0 + timedelta(minutes=index), {A: values})
    measure(store, "newest", hours(100), {A: {"n": 0}})
    tell(store)
    assert prune(store, 3) == Pruned(samples=3, runs=0)

    def kept(column: str) -> Sample:
        return store.trend("j", "t", column, T0)[A][0]

    at = T0 + timedelta(minutes=2)
    assert kept("n") == Sample(at, 2.5, Summary(2, 1, 2.5, 1.75))
    assert kept("text") == Sample(at, None, Summary(2))
    assert kept("flag") == Sample(at, True, Summary(3))
    assert kept("mixed") == Sample(at, 3, Summary(3))
    assert kept("rare") == Sample(T0, 5.5, Summary(1, 5.5, 5.5, 5.5)), "seen in the first run alone, and then"
    assert kept("null") == Sample(at, None)
    assert kept("huge") == Sample(at, 2, Summary(3))


def test_a_run_that_is_alone_in_its_hour_or_day_stays_a_run(store: Store) -> None:
    record(store, 24, 10 * 24)
    pruned = prune(store, 10)
    assert pruned is not None
    sweeps = list(store.sweeps("j", "t", T0))
    assert [(sweep.span, sweep.state is None) for sweep in sweeps] == [(0, False)] * 10
    assert sweeps[0].observations == observed({A: {"x": 0, "t": "v0"}, B: {"x": 0}})


def test_merged_hours_are_no_runs(store: Store) -> None:
    record(store, 0.5, 24)
    measure(store, "empty", hours(0.1), {})
    measure(store, "newest", hours(200), {A: {"x": 1}})
    tell(store)
    assert prune(store, 4, keep_samples=DAY) is not None
    sweeps = list(store.sweeps("j", "t", T0))
    assert [sweep.span for sweep in sweeps] == [3600] * 24 + [0]
    assert sweeps[0].at == hours(0.5)
    assert sweeps[0].summaries[A]["x"] == Sample(hours(0.5), 1, Summary(2, 0, 1, 0.5))
    assert sweeps[0].summaries[B]["x"] == Sample(hours(0), 0, Summary(1, 0, 0, 0.0))
    assert sweeps[0].observations[0].values == {"x": 1, "t": "v1"}


def test_the_peak_of_a_minute_and_the_last_of_a_counter_are_there_two_months_later(store: Store) -> None:
    for index in range(60):
        values = {"load": 99 if index == 17 else 1, "counter": index * 10}
        measure(store, f"r{index}", T0 + timedelta(minutes=index), {A: values})
    measure(store, "later", T0 + timedelta(days=60), {B: {"load": 1}})
    tell(store)
    assert prune(store, 61, keep_daily=400 * DAY) is not None
    window, before = HistoryNeed(Form.WINDOW, "load", 90 * DAY), HistoryNeed(Form.PREVIOUS, "counter")
    now = T0 + timedelta(days=61)
    past = store.past("j", "t", [window, before], now)

    def found(text: str) -> object:
        row = {"load": quantity(5, "count", "load"), "counter": quantity(600, "count", "counter")}
        return value(parse(text), Environment(row=row, past=past, series=A, now=now))

    assert found("max_over(load, 90d)") == Quantity(99, Dimension.NUMBER)
    assert found("count_over(load, 90d)") == Quantity(60, Dimension.NUMBER)
    assert found("delta(counter)") == Quantity(10, Dimension.NUMBER)
    assert past.of(A, before)[0].at == T0 + timedelta(minutes=59)


def test_what_is_needed_stays_as_it_is(store: Store) -> None:
    for index in range(6):
        at = T0 + timedelta(minutes=index)
        result = make_result(f"r{index}", at, observations=observed({A: {"x": index}}))
        assert store.claim(make_claim(f"r{index}", at))
        report = make_report(f"p{index}", [result], at) if index != 1 else None
        waiting = [("log", hours(9999))] if index == 3 else []
        store.record([Recorded(result=result)], report=report, deliveries=waiting, now=at)
    (unreported,), (delivery,), newest = store.unreported(), store.pending(), store.latest()
    assert prune(store, 10) is not None
    assert store.unreported() == (unreported,)
    assert store.pending() == (delivery,)
    assert store.latest() == newest
    seen = store.trend("j", "t", "x", T0)[A]
    assert [(sample.value, sample.summary.count if sample.summary else 0) for sample in seen] == [
        (1, 0), (3, 0), (4, 3), (5, 0)
    ]  # fmt: skip
    tell(store)
    assert prune(store, 12) is not None
    assert [sample.summary.count for sample in store.trend("j", "t", "x", T0)[A] if sample.summary] == [4]


def test_a_large_past_is_done_by_one_tick_after_the_other(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr(pruning, "PIECE", 10)
    record(store, 0.25, 10 * 24)
    before = extents(store)
    monkeypatch.setattr(pruning.Pruning.goes_on, "__defaults__", (100,))
    ticks = 0
    while (done := prune(store, 10)) is not None:
        ticks += 1
        assert done.samples < 250
        assert extents(store) == before
    assert ticks > 5
    assert len(store.trend("j", "t", "x", T0)[A]) == 6 + 48 + 192


def extents(store: Store) -> dict[tuple[Series, str], tuple[object, ...]]:
    """Of the whole history: count, lowest, highest, mean to 9 digits, last value and when it was."""
    found: dict[tuple[Series, str], tuple[object, ...]] = {}
    for column in ("x", "y"):
        for series, samples in store.trend("j", "t", column, T0 - timedelta(days=1000)).items():
            wholes = [whole for sample in samples if (whole := _whole(sample))]
            last = max(samples, key=lambda sample: sample.at)
            count = sum(whole.count for whole in wholes)
            numbers = [whole for whole in wholes if whole.mean is not None]
            is_numeric = len(numbers) == len(wholes) and count
            total = math.fsum((whole.mean or 0.0) * whole.count for whole in wholes) if is_numeric else 0.0
            found[series, column] = (
                count,
                min((whole.low for whole in numbers if whole.low is not None), default=None) if is_numeric else None,
                max((whole.high for whole in numbers if whole.high is not None), default=None) if is_numeric else None,
                float(f"{total / count:.9g}") if count else None,
                last.value,
                last.at,
            )
    return found


def _whole(sample: Sample) -> Summary | None:
    one = sample.value
    if sample.summary or one is None:
        return sample.summary
    return Summary(1) if isinstance(one, (bool, str)) else Summary(1, one, one, float(one))


VALUES = st.one_of(st.none(), st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.sampled_from(["a", "b", True]))
NUMBERS = st.one_of(st.none(), st.integers(0, 10**9), st.floats(0, 1e6))
ROWS = st.dictionaries(
    st.sampled_from([A, B]),
    st.fixed_dictionaries({}, optional={"x": NUMBERS, "y": VALUES}),
    max_size=2,
)
STEPS = st.sampled_from([timedelta(minutes=7), timedelta(minutes=31), timedelta(hours=5), timedelta(days=2)])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), STEPS, ROWS),
        st.tuples(st.just("prune"), STEPS, st.integers(1, 60)),
        st.tuples(st.just("report"), STEPS, st.none()),
    ),
    min_size=5,
    max_size=40,
)


@given(EVENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_lost_or_counted_twice(events: list[tuple[str, timedelta, object]]) -> None:
    now = T0
    with WithoutStore() as pruned, WithoutStore() as whole, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "PIECE", 3)
        for index, (what, step, more) in enumerate(events):
            now += step
            if what == "run":
                for store in (pruned, whole):
                    measure(store, f"r{index}", now, more)  # type: ignore[arg-type]
            elif what == "report":
                tell(pruned)
            else:
                patch.setattr(pruning.Pruning.goes_on, "__defaults__", (more,))
                pruned.prune(now, DAY, 9999 * DAY, keep_hourly=3 * DAY, keep_daily=9999 * DAY)
                assert extents(pruned) == extents(whole)
            before = HistoryNeed(Form.PREVIOUS, "x"), HistoryNeed(Form.PREVIOUS, "y")
            later = now + timedelta(seconds=1)
            assert newest(pruned, before, later) == newest(whole, before, later)
            assert pruned.latest() == whole.latest()
            assert pruned.series("j", "t", T0) == whole.series("j", "t", T0)


def newest(store: Store, needs: Sequence[HistoryNeed], now: datetime) -> dict[tuple[Series, str], tuple[object, ...]]:
    past = store.past("j", "t", needs, now)
    return {
        (series, need.column): (samples[0].at, samples[0].value)
        for series, by_need in past.samples.items()
        for need, samples in by_need.items()
    }


class Killed(StoreError):
    """The process ends here."""


@given(st.integers(0, 60), st.integers(3, 30))
@settings(max_examples=20, deadline=None)
def test_killed_in_the_middle(statements: int, piece: int) -> None:
    with WithoutStore() as store, pytest.MonkeyPatch.context() as patch:
        record(store, 1 / 3, 2 * 24)
        patch.setattr(pruning, "PIECE", piece)
        before = extents(store)
        with pytest.MonkeyPatch.context() as during:
            during.setattr(pruning.Pruning, "step", _killed_after(statements))
            with suppress(Killed):
                prune(store, 7)
        assert extents(store) == before
        assert prune(store, 7.5) is not None or statements > 50
        assert extents(store) == before


def _killed_after(statements: int) -> object:
    step, left = pruning.Pruning.step, iter(range(statements))

    class Counted:
        def __init__(self, db: object) -> None:
            self._db = db

        def __getattr__(self, name: str) -> object:
            if name in {"execute", "executemany", "append"} and next(left, None) is None:
                raise Killed("killed")
            return getattr(self._db, name)

    return lambda self, db, progress: step(self, Counted(db), progress)  # type: ignore[arg-type]
