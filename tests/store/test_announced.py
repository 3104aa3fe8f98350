"""What sinks were told of, and acknowledgements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import StoreError
from runner.model.history import Series
from runner.model.problem import Acknowledgement, Problem
from runner.model.report import DeliveryState, Told
from runner.model.state import State
from runner.store.base import Store
from tests.store.make import T0, finish, hours, make_report, make_result, waiting

A, B = Series("db", ("public", "a")), Series("", ("größe",))
ON_A, ON_B = ("j", "t", A), ("j", "t", B)
DAY = 24 * 3600.0


def problem(series: Series, state: State = State.WARNING, *, is_open: bool = True) -> Problem:
    return Problem(
        job="j", target="t", series=series, state=state, since=T0, seen=T0, opened=T0 if is_open else None
    )  # fmt: skip


def ack(series: Series, **changes: object) -> Acknowledgement:
    made = Acknowledgement(
        job="j", target="t", series=series, state=State.WARNING, author="ana", at=T0, reason="vacuum is planned"
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def tell(store: Store, name: str, told: Told, sink: str = "pager") -> None:
    """A delivery that arrives."""
    store.record([], report=make_report(name, []), deliveries=[(sink, hours(24))], now=T0)
    delivery = next(item for item in waiting(store) if item.id == f"{name}:{sink}")
    store.settle(replace(delivery, state=DeliveryState.DONE), told)


def test_what_a_sink_was_told_is_kept_until_it_is_over(store: Store) -> None:
    assert store.announced("pager") == {}
    tell(store, "g@0", Told(open={ON_A: State.WARNING, ON_B: State.UNKNOWN}))
    tell(store, "g@1", Told(open={ON_A: State.CRITICAL}, over=frozenset({ON_B})))
    tell(store, "g@2", Told(over=frozenset({("never", "t", A)})))
    assert store.announced("pager") == {ON_A: State.CRITICAL}
    assert store.announced("log") == {}
    tell(store, "g@3", Told(over=frozenset({ON_A})), sink="log")
    assert store.announced("pager") == {ON_A: State.CRITICAL}, "each sink knows what it was told itself"


def test_what_was_told_and_the_delivery_are_kept_together_or_not_at_all(store: Store) -> None:
    tell(store, "g@0", Told())
    store.record([], report=make_report("g@1", []), deliveries=[("pager", hours(24))], now=T0)
    (delivery,) = waiting(store)
    with pytest.raises(StoreError):
        store.settle(replace(delivery, id="gone"), Told(open={ON_A: State.WARNING}))
    assert store.announced("pager") == {}


def test_an_acknowledgement_lasts_while_the_problem_keeps_its_state(store: Store) -> None:
    finish(store, make_result("r0"), [problem(A), problem(B)])
    store.acknowledge([ack(A), ack(B)])
    finish(store, make_result("r1", hours(1)), [problem(A), problem(B, State.CRITICAL)])
    assert store.acknowledged(hours(1)) == (ack(A),)
    finish(store, make_result("r2", hours(2)), [problem(A), problem(B)])
    assert store.acknowledged(hours(2)) == (ack(A),), "what changed its state and came back is not acknowledged"
    finish(store, make_result("r3", hours(3), target="u"))
    finish(store, make_result("r4", hours(3), job="k"))
    assert store.acknowledged(hours(3)) == (ack(A),)
    finish(store, make_result("r5", hours(4)))
    assert store.acknowledged(hours(4)) == ()


def test_a_problem_that_opens_again_is_not_acknowledged(store: Store) -> None:
    finish(store, make_result("r0"), [problem(A)])
    store.acknowledge([ack(A)])
    finish(store, make_result("r1", hours(1)), [problem(A, is_open=False)])
    assert store.acknowledged(hours(1)) == ()


def test_acknowledgements_end_are_replaced_and_taken_back(store: Store) -> None:
    finish(store, make_result("r0"), [problem(A), problem(B)])
    store.acknowledge([ack(A, until=hours(2)), ack(B)])
    assert store.acknowledged(hours(2)) == (ack(B),)
    store.acknowledge([ack(A, until=hours(9), author="bo", reason="")])
    assert store.acknowledged(hours(2)) == (ack(B), ack(A, until=hours(9), author="bo", reason=""))
    store.unacknowledge([ON_A, ("other", "t", A)])
    assert store.acknowledged(hours(2)) == (ack(B),)


def test_what_was_told_of_problems_that_are_gone_is_forgotten_in_time(store: Store) -> None:
    finish(store, make_result("r0"), [problem(A)])
    tell(store, "g@0", Told(open={ON_A: State.WARNING, ON_B: State.WARNING}))
    store.prune(hours(24), DAY, 2 * DAY)
    assert set(store.announced("pager")) == {ON_A, ON_B}
    store.prune(hours(100), DAY, DAY)
    assert set(store.announced("pager")) == {ON_A}
