"""What pruning makes small: old results, reports that were told, and days on which all was ok."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runner.model.history import Series
from runner.model.report import Delivery, DeliveryState
from runner.model.state import State
from runner.store.base import Store
from runner.store.open import open_store
from tests.store.make import T0, finish, hours, make_report, make_result, measure, observed, waiting

DAY, YEAR = 86400.0, 400 * 86400.0
A = Series("", ("a",))


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    with open_store("sqlite:.runner/state.db", tmp_path) as opened:
        yield opened


def report(store: Store, name: str, at: float, sinks: int = 0) -> None:
    deliveries = [(f"sink-{number}", hours(at + 1000)) for number in range(sinks)]
    store.record([], report=make_report(name, store.unreported(), hours(at)), deliveries=deliveries, now=hours(at))


def settle(store: Store, state: DeliveryState) -> None:
    for item in waiting(store):
        store.settle(Delivery(id=item.id, report=item.report, sink=item.sink, state=state, attempts=1, error=""))


def prune(store: Store, days: float) -> None:
    pruned = store.prune(T0 + timedelta(days=days), YEAR, YEAR)
    assert pruned is not None
    assert pruned.finished


def test_ok_runs_of_an_old_day_become_one(store: Store) -> None:
    for hour in range(30):
        measure(store, f"r{hour:02}", hours(hour), {A: {"x": hour}})
    finish(store, make_result("bad", hours(5.5), state=State.WARNING))
    report(store, "all", 30)
    prune(store, 89)
    assert len(store.runs(limit=100)) == 31
    prune(store, 100)
    found = [(run.run, run.slots, run.since) for run in store.runs(limit=100)]
    assert found == [("bad", 1, None), ("r29", 6, hours(24)), ("r23", 24, hours(0))]
    assert len(store.trend("j", "t", "x", T0)[A]) == 30, "samples are of another age"
    (statistics,) = store.run_statistics(T0 - timedelta(days=1))
    assert (statistics["runs"], statistics["failed"]) == (31, 0)
    prune(store, 102)
    assert [(run.run, run.slots) for run in store.runs(limit=100)] == [("bad", 1), ("r29", 6), ("r23", 24)]


def test_runs_of_each_job_and_target_stay_apart(store: Store) -> None:
    for hour in range(3):
        for job, target in (("j", "t"), ("j", "u"), ("k", "t")):
            finish(store, make_result(f"{job}{target}{hour}", hours(hour), job=job, target=target))
    finish(store, make_result("alone", hours(30)))
    report(store, "all", 31)
    prune(store, 100)
    assert {run.run: run.slots for run in store.runs(limit=100)} == {"jt2": 3, "ju2": 3, "kt2": 3, "alone": 1}


def test_what_no_report_told_of_stays(store: Store) -> None:
    finish(store, make_result("told", hours(0)))
    report(store, "one", 1)
    finish(store, make_result("first", hours(2)))
    finish(store, make_result("second", hours(3)))
    prune(store, 100)
    assert {result.run for result in store.unreported()} == {"first", "second"}
    assert {run.run for run in store.runs(limit=100)} == {"told", "first", "second"}


@pytest.mark.parametrize(
    ("state", "days", "stays"),
    [
        (DeliveryState.DONE, 6, True),
        (DeliveryState.DONE, 8, False),
        (DeliveryState.FAILED, 8, True),
        (DeliveryState.PENDING, 8, True),
    ],
)
def test_a_report_goes_when_every_sink_has_it(store: Store, state: DeliveryState, days: float, stays: bool) -> None:
    finish(store, make_result("r", hours(0)))
    report(store, "one", 1, sinks=1)
    if state is not DeliveryState.PENDING:
        settle(store, state)
    prune(store, days)
    if stays:
        assert store.report("one").results[0].run == "r"
        assert len(store.pending()) == (state is DeliveryState.PENDING)
        return
    with pytest.raises(TypeError):
        store.report("one")


def test_it_stays_known_where_an_old_run_looked(file_store: Store, tmp_path: Path) -> None:
    here, there = Series("a", ("x",)), Series("b", ("x",))
    looks = {
        "no rows": (frozenset({""}), {}),
        "rows": (frozenset({""}), {A: {"x": 1}}),
        "rows in both": (frozenset({"a", "b"}), {here: {"x": 1}, there: {"x": 1}}),
        "rows in one": (frozenset({"a", "b"}), {here: {"x": 1}}),
        "blind": (frozenset[str](), {}),
        "newest": (frozenset({""}), {A: {"x": 2}}),
    }
    for day, (name, (looked, rows)) in enumerate(looks.items()):
        result = make_result(name, hours(24 * day), observations=observed(rows))
        finish(file_store, result.with_outcome(replace(result.outcome, looked=looked)))
    report(file_store, "all", 24 * 6)
    before, newest = list(file_store.sweeps("j", "t", T0)), file_store.latest()
    assert [sweep.looked for sweep in before] == [looked for looked, _ in looks.values()]
    prune(file_store, 50)
    assert list(file_store.sweeps("j", "t", T0)) == before
    assert file_store.latest() == newest
    with sqlite3.connect(tmp_path / ".runner" / "state.db") as raw:
        kept = raw.execute(
            "select r.run, length(d.data) < 60 from results d join runs r on r.id = d.run order by d.run"
        )
        assert kept.fetchall() == [("rows in one", 1), ("blind", 1), ("newest", 0)]
    raw.close()


def test_results_that_are_slim_are_not_read_again(file_store: Store, tmp_path: Path) -> None:
    finish(file_store, make_result("old", hours(0)))
    finish(file_store, make_result("new", hours(1)))
    report(file_store, "all", 2)
    prune(file_store, 20)
    with sqlite3.connect(tmp_path / ".runner" / "state.db") as raw:
        raw.execute("insert into results (run, data) values (1, 'unreadable')")
    raw.close()
    prune(file_store, 22)
    assert len(file_store.runs()) == 2
