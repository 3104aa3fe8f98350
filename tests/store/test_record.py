from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runner.errors import StoreError
from runner.model.history import Series
from runner.model.problem import Problem, Transition
from runner.model.report import DeliveryState, Report
from runner.model.result import Result
from runner.model.state import State
from runner.store.base import Recorded, Store
from tests.model.test_codec import REPORT, RESULT, TRANSITION
from tests.store.make import T0, finish, hours, make_claim, make_report, make_result, observed, waiting

A, B = Series("db", ("a",)), Series("db", ("b",))


def problem(series: Series, job: str = "j", *, is_open: bool = True) -> Problem:
    return Problem(
        job=job, target="t", series=series, state=State.WARNING, since=T0, seen=hours(1), count=3,
        opened=T0 if is_open else None, message="größer",
    )  # fmt: skip


def report_of(store: Store, *results: Result, sinks: tuple[str, ...] = ("log", "pager"), name: str = "g@0") -> Report:
    """Claims the results' runs and records them with a report."""
    for result in results:
        assert store.claim(make_claim(result.run, result.slot, job=result.job, target=result.target))
    report = make_report(name, results)
    store.record(
        [Recorded(result=result) for result in results],
        report=report,
        deliveries=[(sink, hours(24)) for sink in sinks],
        now=T0,
    )
    return report


def test_everything_of_a_report_comes_back_with_its_delivery(store: Store) -> None:
    assert store.claim(make_claim("r", RESULT.slot, job="j", target="t"))
    report = replace(REPORT, results=(RESULT,))
    store.record([Recorded(result=RESULT)], report=report, deliveries=[("log", hours(24))], now=T0)
    (delivery,) = waiting(store)
    assert delivery.report == report
    assert (delivery.id, delivery.sink, delivery.attempts, delivery.next_try, delivery.expires) == (
        "g@1:log", "log", 0, T0, hours(24),
    )  # fmt: skip
    assert store.latest() == (RESULT,)
    assert store.transitions() == (TRANSITION,)


def test_a_report_may_show_its_results_differently(store: Store) -> None:
    """What it observed is kept with the report when it is not what the run recorded."""
    store.claim(make_claim("r"))
    recorded = make_result("r", observations=observed({A: {"x": 1}}))
    shown = recorded.with_outcome(replace(recorded.outcome, observations=observed({B: {"x": 2}}), notes=("cut",)))
    stranger = make_result("never claimed", observations=observed({A: {"y": 3}}))
    report = make_report("g@0", [shown, stranger])
    store.record([Recorded(result=recorded)], report=report, deliveries=[("log", hours(1))], now=T0)
    assert waiting(store)[0].report == report
    assert store.latest() == (recorded,)


def test_a_result_without_a_report_is_unreported_until_one_holds_it(store: Store) -> None:
    first, second = make_result("a", observations=observed({A: {"x": 1}})), make_result("b", target="u")
    finish(store, first)
    finish(store, second)
    assert store.unreported() == (first, second)
    report = make_report("g@0", [first])
    store.record([], report=report, deliveries=[("log", hours(1))], now=hours(1))
    assert store.unreported() == (second,)
    assert [delivery.report for delivery in waiting(store)] == [report]


def test_an_adopted_result_is_left_alone_while_who_adopted_it_lives(store: Store) -> None:
    first, second = make_result("a"), make_result("b", target="u")
    finish(store, first)
    assert store.adopt("mine", {"mine"}) == (first,)
    finish(store, second)
    assert store.adopt("other", {"mine", "other"}) == (second,)
    assert store.adopt("third", {"other", "third"}) == (first,), "its tick died"
    store.record([], report=make_report("g@0", [first, second]), deliveries=[], now=hours(1))
    assert store.adopt("fourth", {"fourth"}) == ()


def test_latest_is_the_newest_of_each_job_and_target(store: Store) -> None:
    results = [make_result("a"), make_result("b", hours(1)), make_result("c", target="u"), make_result("d", job="k")]
    for result in results:
        finish(store, result)
    assert store.latest() == (results[1], results[2], results[3])
    assert store.latest("k") == (results[3],)


def test_an_older_run_that_ends_late_is_not_the_newest(store: Store) -> None:
    store.claim(make_claim("old"))
    finish(store, make_result("new", hours(1)))
    store.record([Recorded(result=make_result("old"))], report=None, deliveries=[], now=hours(2))
    assert [result.run for result in store.latest()] == ["new"]


def test_problems_are_replaced_by_what_the_last_run_left(store: Store) -> None:
    finish(store, make_result("a"), [problem(A), problem(B, is_open=False)])
    finish(store, make_result("k", job="k"), [problem(A, "k")])
    assert store.memory("j", "t").problems == {A: problem(A), B: problem(B, is_open=False)}
    assert store.problems() == (problem(A), problem(A, "k"))
    assert len(store.problems(open_only=False)) == 3
    finish(store, make_result("b", hours(1)), [problem(B)])
    assert store.problems() == (problem(B), problem(A, "k"))
    finish(store, make_result("c", hours(2)))
    assert store.memory("j", "t").problems == {}


def test_transitions_are_appended_and_listed_newest_first(store: Store) -> None:
    def transition(at: int, job: str = "j") -> Transition:
        return replace(TRANSITION, job=job, at=hours(at))

    finish(store, make_result("a", transitions=(transition(0),)))
    finish(store, make_result("b", hours(1), transitions=(transition(1), transition(2))))
    finish(store, make_result("c", job="k", transitions=(transition(1, "k"),)))
    assert [item.at for item in store.transitions("j")] == [hours(2), hours(1), hours(0)]
    assert [(item.job, item.at) for item in store.transitions(since=hours(1), limit=2)] == [
        ("j", hours(2)),
        ("k", hours(1)),
    ]


def test_deliveries_wait_in_order_are_put_off_done_and_given_up(store: Store) -> None:
    report_of(store, make_result("a"))
    report_of(store, make_result("b", hours(1)), sinks=("log",), name="g@1")
    log, pager, later = waiting(store)
    assert [(item.report, item.group) for item in store.pending()] == [("g@0", "g"), ("g@0", "g"), ("g@1", "g")]
    assert [(item.report.id, item.sink) for item in (log, pager, later)] == [
        ("g@0", "log"),
        ("g@0", "pager"),
        ("g@1", "log"),
    ]
    store.settle(replace(log, state=DeliveryState.DONE, attempts=1))
    store.settle(replace(pager, attempts=1, next_try=hours(2), error="refused \ud800"))
    store.settle(replace(later, state=DeliveryState.FAILED, attempts=9, error="no such host"))
    assert store.pending_count() == 1
    (again,) = waiting(store)
    assert (again.sink, again.attempts, again.next_try, again.error) == ("pager", 1, hours(2), "refused \ufffd")
    (failed,) = store.failed_deliveries()
    assert (failed.report.id, failed.state, failed.attempts, failed.error) == (
        "g@1",
        DeliveryState.FAILED,
        9,
        "no such host",
    )
    store.settle(replace(again, next_try=None))
    assert waiting(store) == (replace(again, next_try=None),)


def test_a_report_that_is_recorded_again_is_delivered_again(store: Store) -> None:
    report = report_of(store, make_result("a"), sinks=("log",))
    store.settle(replace(waiting(store)[0], state=DeliveryState.DONE))
    wider = replace(report, title="more")
    store.record([], report=wider, deliveries=[("log", hours(9))], now=hours(1))
    (delivery,) = waiting(store)
    assert (delivery.report.title, delivery.expires) == ("more", hours(9))


def test_a_delivery_needs_a_report_and_a_row(store: Store) -> None:
    with pytest.raises(StoreError, match="without a report"):
        store.record([], report=None, deliveries=[("log", T0)], now=T0)
    report_of(store, make_result("a"))
    with pytest.raises(StoreError, match="not in the store"):
        store.settle(replace(waiting(store)[0], id="other"))


def test_one_result_that_cannot_be_recorded_undoes_all(store: Store) -> None:
    store.claim(make_claim("a"))
    good = Recorded(result=make_result("a", observations=observed({A: {"x": 1}})), problems={A: problem(A)})
    bad = Recorded(result=make_result("never claimed"))
    with pytest.raises(StoreError, match="never claimed"):
        store.record([good, bad], report=make_report("g@0", []), deliveries=[("log", T0)], now=T0)
    assert (store.latest(), store.problems(), waiting(store)) == ((), (), ())
    assert [run.run for run in store.running()] == ["a"]
    store.record([good], report=None, deliveries=[], now=T0)
    assert store.latest() == (good.result,)


def test_the_heartbeat_is_the_last_tick(store: Store) -> None:
    store.tick("one", T0, {"due": 3})
    store.tick("two", hours(1))
    tick = store.last_tick()
    assert tick is not None
    assert (tick.id, tick.at, dict(tick.counts)) == ("two", hours(1), {})


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.cursors()


def test_a_long_error_of_a_sink_is_kept_whole(store: Store) -> None:
    report_of(store, make_result("a"), sinks=("log",))
    store.settle(replace(waiting(store)[0], error="x" * 100_000, next_try=T0 + timedelta(seconds=1)))
    assert len(waiting(store)[0].error) == 100_000
