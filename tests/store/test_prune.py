from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runner.model.history import Form, HistoryNeed, Series
from runner.model.report import DeliveryState
from runner.model.state import State
from runner.store.base import Recorded, Store
from tests.store.make import T0, finish, hours, make_claim, make_report, make_result, measure, observed, waiting
from tests.store.test_record import problem

A, B = Series("", ("a",)), Series("", ("b",))
DAY, HOUR = 86400.0, 3600.0


def kept(store: Store) -> list[str]:
    return [run.run for run in store.runs(limit=1000)]


def report_everything(store: Store) -> None:
    store.record([], report=make_report("all", store.unreported()), deliveries=[], now=T0)


def test_old_runs_and_samples_go_and_the_newest_stay(store: Store) -> None:
    for index in range(4):
        measure(store, f"r{index}", hours(index), {A: {"x": index}} if index else {A: {"x": 0}, B: {"x": 0}})
    report_everything(store)
    pruned = store.prune(hours(1000), 24 * HOUR, 48 * HOUR)
    assert pruned is not None
    assert (pruned.samples, pruned.runs) == (4, 3)
    assert kept(store) == ["r3"]
    assert store.latest()[0].outcome.observations == observed({A: {"x": 3}})
    assert store.trend("j", "t", "x", T0).keys() == {A}
    need = HistoryNeed(Form.PREVIOUS, "x")
    assert store.past("j", "t", [need], hours(1001)).samples.keys() == {A}


def test_a_row_that_comes_back_after_its_samples_went_starts_anew(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}, B: {"x": 0}})
    measure(store, "r1", hours(1), {A: {"x": 1}})
    report_everything(store)
    store.prune(hours(100), HOUR, HOUR)
    measure(store, "r2", hours(101), {A: {"x": 2}, B: {"x": 2}})
    assert store.trend("j", "t", "x", T0)[B] == store.trend("j", "t", "x", hours(101))[B]


def test_a_new_row_never_inherits_the_samples_of_a_pruned_one(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}, B: {"x": 0}})
    unreported = store.latest()
    measure(store, "r1", hours(1), {A: {"x": 1}, B: {"x": 1}})
    measure(store, "r2", hours(2), {A: {"x": 2}})
    store.record([], report=make_report("rest", store.unreported()[1:]), deliveries=[], now=T0)
    store.prune(hours(100), HOUR, HOUR)
    assert store.unreported() == unreported
    measure(store, "r3", hours(101), {A: {"x": 3}, Series("", ("new",)): {"x": 3}})
    assert store.unreported()[0] == unreported[0]
    assert len(store.trend("j", "t", "x", T0)[Series("", ("new",))]) == 1


def test_what_is_young_stays(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}})
    measure(store, "r1", hours(1), {A: {"x": 1}})
    report_everything(store)
    pruned = store.prune(hours(2), 10 * HOUR, 10 * HOUR)
    assert pruned is not None
    assert (pruned.samples, pruned.runs, kept(store)) == (0, 0, ["r1", "r0"])


def test_samples_go_before_runs(store: Store) -> None:
    measure(store, "r0", hours(0), {A: {"x": 0}})
    measure(store, "r1", hours(1), {A: {"x": 1}})
    report_everything(store)
    store.prune(hours(100), HOUR, 1000 * HOUR)
    assert kept(store) == ["r1", "r0"]
    assert len(store.trend("j", "t", "x", T0)[A]) == 1


def test_what_is_not_reported_running_or_not_delivered_stays(store: Store) -> None:
    for index in range(4):
        measure(store, f"r{index}", hours(index), {A: {"x": index}})
    results = store.unreported()
    store.record([], report=make_report("due", results[:1]), deliveries=[("log", hours(9999))], now=T0)
    store.record([], report=make_report("done", results[2:]), deliveries=[("log", hours(9999))], now=T0)
    still_out, done = waiting(store)
    store.settle(replace(done, state=DeliveryState.DONE))
    store.claim(make_claim("alive", hours(5)))
    store.prune(hours(9000), HOUR, HOUR)
    assert kept(store) == ["alive", "r3", "r1", "r0"]
    assert waiting(store) == (still_out,)
    assert [result.run for result in store.unreported()] == ["r1"]


def test_reports_go_with_their_runs(store: Store) -> None:
    finish(store, make_result("a"))
    finish(store, make_result("b", hours(1)))
    store.record([], report=make_report("old", store.unreported()[:1]), deliveries=[("log", hours(2))], now=T0)
    store.record([], report=make_report("new", store.unreported(), hours(1)), deliveries=[("log", hours(2))], now=T0)
    for delivery in waiting(store):
        store.settle(replace(delivery, state=DeliveryState.FAILED))
    store.prune(hours(9000), HOUR, HOUR)
    assert [delivery.report.id for delivery in store.failed_deliveries()] == ["new"], "its run is the newest"


def test_open_problems_and_decided_slots(store: Store) -> None:
    finish(store, make_result("a", state=State.CRITICAL), [problem(A)])
    store.decide(
        job="j",
        kind="check",
        group="g",
        target="t",
        slot=hours(-5),
        status="missed",
        reason="",
        now=hours(-4),
        digest="",
    )
    store.prune(hours(9000), HOUR, HOUR)
    assert store.problems() == (problem(A),)
    assert kept(store) == ["a"]


@pytest.mark.parametrize(
    ("later", "again"), [(timedelta(hours=23), False), (timedelta(days=1), True), (-timedelta(days=9), True)]
)
def test_it_is_done_at_most_once_a_day(store: Store, later: timedelta, again: bool) -> None:
    assert store.prune(T0, DAY, DAY) is not None
    assert (store.prune(T0 + later, DAY, DAY) is not None) == again


def test_a_run_of_a_retried_slot_is_pruned_like_any_other(store: Store) -> None:
    store.claim(make_claim("a"))
    store.interrupt("a", "died", T0)
    store.claim(make_claim("b", attempt=2))
    store.record([Recorded(result=make_result("b"))], report=None, deliveries=[], now=T0)
    store.prune(hours(9000), HOUR, HOUR)
    assert kept(store) == ["b"]
