from __future__ import annotations

import pytest

from runner.errors import StoreError
from runner.model.state import State
from runner.store.base import Decision, Recorded, Store
from tests.store.make import T0, finish, hours, make_claim, make_result, waiting


def decide(store: Store, at: object = T0, status: Decision = "missed") -> bool:
    return store.decide(
        job="j", kind="check", group="g", target="t", slot=at, status=status, reason="late", now=hours(9), digest="d"  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_slot_is_claimed_once_and_moves_the_cursor(store: Store) -> None:
    assert store.claim(make_claim("a"))
    assert not store.claim(make_claim("b"))
    cursor = store.cursors()["j", "t"]
    assert (cursor.slot, cursor.digest, cursor.first_seen) == (T0, "d", T0)
    (run,) = store.running()
    assert (run.run, run.status, run.slot, run.started, run.finished, run.tick) == (
        "a",
        "running",
        T0,
        T0,
        None,
        "tick",
    )


def test_the_same_slot_of_another_job_or_target_is_another_slot(store: Store) -> None:
    assert store.claim(make_claim("a"))
    assert store.claim(make_claim("b", target="u"))
    assert store.claim(make_claim("c", job="k"))
    assert store.claim(make_claim("d", target=""))


def test_only_an_interrupted_run_is_tried_again(store: Store) -> None:
    store.claim(make_claim("a"))
    assert not store.claim(make_claim("b", attempt=2)), "the first attempt is still running"
    assert store.interrupt("a", "its tick died", hours(1))
    assert not store.interrupt("a", "again", hours(1))
    assert not store.claim(make_claim("c", attempt=1)), "that attempt has been"
    assert store.claim(make_claim("d", attempt=2))
    assert not store.claim(make_claim("e", attempt=2))
    assert [(run.run, run.status, run.reason) for run in store.runs()] == [
        ("d", "running", ""),
        ("a", "interrupted", "its tick died"),
    ]


def test_a_slot_that_was_done_is_not_run_again_at_any_attempt(store: Store) -> None:
    finish(store, make_result("a"))
    assert not store.claim(make_claim("b", attempt=2))
    assert not decide(store)
    assert not store.interrupt("a", "", hours(1))


@pytest.mark.parametrize("status", ["missed", "skipped"])
def test_a_decided_slot_has_a_row_and_is_never_claimed(store: Store, status: Decision) -> None:
    assert decide(store, status=status)
    assert not decide(store, status=status)
    assert not store.claim(make_claim("a", attempt=5))
    (run,) = store.runs(status=status)
    assert (run.run, run.status, run.reason, run.started, run.finished) == ("", status, "late", None, hours(9))
    assert store.cursors()["j", "t"].slot == T0


def test_claims_never_move_the_cursor_back_but_anchors_do(store: Store) -> None:
    store.anchor("j", "t", hours(5), "old", hours(5))
    assert store.claim(make_claim("a", hours(3)))
    assert store.cursors()["j", "t"].slot == hours(5)
    store.anchor("j", "t", hours(1), "new", hours(6))
    cursor = store.cursors()["j", "t"]
    assert (cursor.slot, cursor.digest, cursor.first_seen) == (hours(1), "new", hours(5))


def test_runs_are_listed_newest_first_and_filtered(store: Store) -> None:
    for index in range(4):
        finish(store, make_result(f"r{index}", hours(index), state=State.WARNING))
    finish(store, make_result("other", hours(9), job="k"))
    assert [run.run for run in store.runs(limit=2)] == ["other", "r3"]
    assert [run.run for run in store.runs("j", since=hours(2))] == ["r3", "r2"]
    assert [run.run for run in store.runs(group="g", status="done", job="k")] == ["other"]
    assert store.runs(group="h") == ()
    run = store.runs("j")[0]
    assert (run.state, run.summary, run.status) == (State.WARNING, "summary of r3", "done")


def test_a_result_needs_a_claimed_run_and_is_recorded_once(store: Store) -> None:
    with pytest.raises(StoreError, match="never claimed"):
        store.record([Recorded(result=make_result("a"))], report=None, deliveries=[], now=T0)
    finish(store, make_result("a"))
    with pytest.raises(StoreError, match="recorded already"):
        store.record([Recorded(result=make_result("a"))], report=None, deliveries=[], now=T0)


def test_a_run_that_was_thought_dead_may_still_finish(store: Store) -> None:
    store.claim(make_claim("a"))
    store.interrupt("a", "thought dead", hours(1))
    store.record([Recorded(result=make_result("a"))], report=None, deliveries=[], now=hours(2))
    assert [(run.status, run.reason) for run in store.runs()] == [("done", "")]


def test_statistics_count_what_went_wrong_per_job_and_target(store: Store) -> None:
    finish(store, make_result("before", T0, state=State.UNKNOWN))
    finish(store, make_result("bad", hours(1), state=State.UNKNOWN))
    finish(store, make_result("found", hours(2), state=State.CRITICAL))
    store.claim(make_claim("dead", hours(3)))
    store.interrupt("dead", "died", hours(3))
    decide(store, hours(4), "skipped")
    finish(store, make_result("broken", hours(1), job="m", kind="command", state=State.CRITICAL))
    check, command = store.run_statistics(T0)
    assert check == {
        "job": "j", "target": "t", "group": "g", "runs": 3, "failed": 1, "interrupted": 1, "missed": 0, "skipped": 1,
        "last_started": hours(3), "last_state": "critical", "last_slot": hours(4),
    }  # fmt: skip
    assert (command["job"], command["failed"], command["last_state"]) == ("m", 1, "critical")
    assert store.run_statistics(hours(4)) == []


def test_an_empty_store_has_answers(store: Store) -> None:
    assert store.cursors() == {}
    assert (store.running(), store.runs(), store.latest(), store.unreported(), store.problems()) == ((), (), (), (), ())
    assert (waiting(store), store.failed_deliveries(), store.pending_count(), store.last_tick()) == ((), (), 0, None)
    assert store.memory("j", "t").problems == {}
    assert store.run_statistics(T0) == []
    assert store.prune(T0, 60, 60) is not None


def test_many_slots_are_claimed_together_and_only_the_free_ones_are_won(store: Store) -> None:
    assert store.claim(make_claim("first", job="b"))
    wanted = [make_claim(name, job=name) for name in "abc"]
    assert store.claim(*wanted) == {"a", "c"}
    assert {run.run for run in store.running()} == {"first", "a", "c"}
    assert store.claim() == frozenset()
