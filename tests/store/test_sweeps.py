"""Recorded runs read back in order, with what each looked at."""

from __future__ import annotations

from dataclasses import replace

from runner.model.history import Series
from runner.model.state import State
from runner.store.base import Recorded, Store
from tests.store.make import finish, hours, make_claim, make_report, make_result, measure, observed

A, B = Series("", ("a",)), Series("other", ("b",))


def test_runs_come_in_order_with_their_rows(store: Store) -> None:
    measure(store, "one", hours(1), {A: {"x": 1}, B: {"x": 2.5, "y": "text"}})
    measure(store, "three", hours(3), {A: {"x": 3}})
    measure(store, "two", hours(2), {B: {"x": True}})
    found = list(store.sweeps("j", "t", hours(0)))
    assert [sweep.at for sweep in found] == [hours(1), hours(2), hours(3)]
    assert found[0].observations == observed({A: {"x": 1}, B: {"x": 2.5, "y": "text"}})
    assert [sweep.state for sweep in found] == [State.OK] * 3


def test_a_run_without_rows_is_there_with_what_it_looked_at(store: Store) -> None:
    looked = make_result("none", hours(1))
    blind = make_result("blind", hours(2), state=State.UNKNOWN)
    finish(store, looked)
    finish(store, blind.with_outcome(replace(blind.outcome, looked=frozenset())))
    found = list(store.sweeps("j", "t", hours(0)))
    assert [(sweep.at, sweep.looked, sweep.observations) for sweep in found] == [
        (hours(1), frozenset({""}), ()),
        (hours(2), frozenset(), ()),
    ]


def test_only_this_job_on_this_target_from_then_on(store: Store) -> None:
    measure(store, "old", hours(1), {A: {"x": 1}})
    measure(store, "other-job", hours(3), {A: {"x": 1}}, job="k")
    measure(store, "other-target", hours(3), {A: {"x": 1}}, target="u")
    measure(store, "mine", hours(2), {A: {"x": 2}})
    assert [sweep.at for sweep in store.sweeps("j", "t", hours(2))] == [hours(2)]
    assert list(store.sweeps("nobody", "t", hours(0))) == []


def test_rows_stay_readable_when_their_run_is_forgotten(store: Store) -> None:
    for name, at in (("one", hours(0)), ("two", hours(24 * 30))):
        result = make_result(name, at, observations=observed({B: {"x": 1}}))
        assert store.claim(make_claim(name, at))
        report = make_report(name, [result], at)
        store.record([Recorded(result=result)], report=report, deliveries=[], now=at)
    pruned = store.prune(hours(24 * 31), keep_samples=86400 * 90, keep_runs=86400 * 7)
    assert pruned is not None
    assert (pruned.samples, pruned.runs) == (0, 1)
    forgotten, kept = store.sweeps("j", "t", hours(0))
    assert (forgotten.state, forgotten.looked) == (None, frozenset({"other"}))
    assert (kept.state, kept.looked) == (State.OK, frozenset({""}))


def test_each_run_is_read_when_it_is_asked_for(store: Store) -> None:
    for number in range(3):
        measure(store, f"run-{number}", hours(number), {A: {"x": number}})
    sweeps = store.sweeps("j", "t", hours(0))
    assert next(sweeps).at == hours(0)
    measure(store, "later", hours(9), {A: {"x": 9}})
    assert [sweep.at for sweep in sweeps] == [hours(1), hours(2)]
