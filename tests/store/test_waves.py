"""Runs that one tick hands out and others perform: begun once, and told together when the last has ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from runner.model.report import Report
from runner.model.result import Result
from runner.store.base import Recorded, Store
from runner.store.open import open_store
from tests.store.make import T0, hours, make_claim, make_report, make_result

WAVE = "wave"
Told = tuple[Report, Sequence[tuple[str, datetime]]]


def hand_out(store: Store, *runs: str, wave: str = WAVE) -> None:
    for number, run in enumerate(runs):
        claim = make_claim(run, hours(number), target=run)
        assert store.claim(replace(claim, tick=wave, wave=wave))


def tell(results: Sequence[Result]) -> Told:
    return make_report("told-" + "-".join(result.run for result in results), results), [("log", hours(24))]


def end(store: Store, run: str, wave: str = WAVE) -> Report | None:
    record = next(item for item in store.running() if item.run == run)
    result = make_result(run, record.slot, target=run)
    return store.record_in_wave([Recorded(result=result)], wave=wave, group="g", report=tell, now=T0)


def test_what_waits_is_begun_once(store: Store) -> None:
    hand_out(store, "a", "b")
    assert all(run.waits for run in store.running())
    assert store.begin(["a", "b", "gone"], WAVE, "worker-1") == {"a", "b"}
    assert store.begin(["a", "b"], WAVE, "worker-2") == frozenset()
    assert [(run.tick, run.wave, run.waits) for run in store.running()] == [("worker-1", WAVE, False)] * 2


def test_what_was_taken_back_is_not_begun(store: Store) -> None:
    hand_out(store, "a", "b", "c")
    assert store.interrupt("a", "its wave is gone", T0)
    assert store.take_over("b", "its wave is gone", replace(make_claim("b2", hours(1), target="b"), attempt=2))
    assert store.begin(["a", "b", "b2"], WAVE, "worker") == frozenset()
    assert store.begin(["c"], "another wave", "worker") == frozenset()


def test_a_worker_that_refuses_says_why_until_another_begins(store: Store) -> None:
    hand_out(store, "a")
    store.put_off(["a"], WAVE, "the home is another one")
    assert [(run.reason, run.waits) for run in store.running()] == [("the home is another one", True)]
    store.begin(["a"], WAVE, "worker")
    store.put_off(["a"], WAVE, "too late to refuse")
    assert [run.reason for run in store.running()] == [""]


def test_the_last_of_a_wave_brings_one_report_on_all(store: Store) -> None:
    hand_out(store, "a", "b", "c")
    store.begin(["a", "b", "c"], WAVE, "worker")
    assert end(store, "b") is None
    assert store.unreported() == (), "somebody will tell it"
    assert end(store, "a") is None
    report = end(store, "c")
    assert report is not None
    assert [result.run for result in report.results] == ["a", "b", "c"]
    assert [item.report for item in store.pending()] == [report.id]
    assert store.report(report.id) == report
    assert store.reporting() == frozenset()


def test_waves_are_told_apart(store: Store) -> None:
    hand_out(store, "a", wave="one")
    hand_out(store, "b", wave="two")
    report = end(store, "a", "one")
    assert report is not None
    assert [result.run for result in report.results] == ["a"]


def test_results_of_a_wave_that_nobody_ends_are_adopted_once(store: Store) -> None:
    hand_out(store, "a", "b")
    store.begin(["a", "b"], WAVE, "worker")
    assert end(store, "a") is None
    assert store.interrupt("b", "its worker is gone", T0)
    assert [result.run for result in store.adopt("next", {"next", "worker"})] == ["a"]
    assert store.reporting() == {"next"}
    assert store.unreported({"next"}) == ()
    assert [result.run for result in store.adopt("after", {"after"})] == ["a"], "when that tick died too"


def test_one_that_was_thought_dead_tells_no_more_than_its_own(store: Store) -> None:
    hand_out(store, "a", "b")
    assert end(store, "a") is None
    assert store.interrupt("b", "thought dead", T0)
    store.adopt("next", {"next"})
    late = Recorded(result=make_result("b", hours(1), target="b"))
    report = store.record_in_wave([late], wave=WAVE, group="g", report=tell, now=T0)
    assert report is not None
    assert [result.run for result in report.results] == ["b"]


def test_a_store_of_the_second_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / ".runner" / "state.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.executescript(Path(__file__).with_name("version-2.sql").read_text())
        assert raw.execute("pragma user_version").fetchone() == (2,)
    raw.close()
    with open_store(f"sqlite:{path}", tmp_path) as store:
        assert [(run.run, run.wave, run.waits) for run in store.running()] == [("r3", "", False)]
        assert [result.run for result in store.adopt("now", {"now"})] == ["r2"]
        hand_out(store, "a")
        assert store.begin(["a"], WAVE, "worker") == {"a"}
