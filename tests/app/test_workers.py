"""Ticks that hand out, and workers that perform: each slot once, one report a group, whatever dies in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.app.current import Current
from runner.app.doctor import doctor
from runner.app.executors import open_executor
from runner.app.runs import Manner
from runner.app.work import Worker
from runner.clock import ShiftedClock
from runner.store.base import RunRecord
from runner.store.open import open_store
from tests.app.homes import CHECK, HOUR, MINUTE, SLOT, TempHome, states
from tests.app.memory_executor import PLUGIN, QUEUES, Queue
from tests.postgres import Database

TWO_TARGETS = """
targets:
  one: {target}
  two: {target}
"""
JOBS = {"g.yaml": CHECK, "h.yaml": CHECK.replace("check: one", "check: other")}


class Fleet:
    """One home with a queue of its own; `work` is one worker that ends when nothing waits."""

    def __init__(self, home: TempHome, queue: Queue) -> None:
        self.home, self.queue = home, queue
        self.told: list[str] = []

    @contextmanager
    def worker(self, at: Any = SLOT, queues: tuple[str, ...] | None = None) -> Iterator[Worker]:
        loaded = self.home.load()
        with self.home.store() as store:
            worker = Worker(
                Current(loaded, self.home.load),
                store,
                ShiftedClock(at),
                Manner(stdout=self.home.printed.append, tell=self.told.append),
                queues=queues,
                once=True,
            )
            try:
                yield worker
            finally:
                worker.close()

    def work(self, at: Any = SLOT, queues: tuple[str, ...] | None = None) -> int:
        loaded = self.home.load()
        settings = loaded.home.settings.executor
        assert settings is not None
        with self.worker(at, queues) as worker:
            open_executor(loaded, settings).work(worker)
        return worker.done

    def runs(self) -> list[RunRecord]:
        with self.home.store() as store:
            return list(reversed(store.runs()))

    def begin(self, tick: str = "worker") -> None:
        """As a worker that is killed right after."""
        with self.home.store() as store:
            for batch in self.queue.waiting:
                assert store.begin([run[0] for run in batch["runs"]], batch["wave"], tick)


Make = Callable[..., Fleet]


@pytest.fixture
def fleet(tmp_path: Path, database: Database) -> Make:
    def make(files: dict[str, str] | None = None, executor: str = "", extra: str = "") -> Fleet:
        name = str(tmp_path)
        text = f"executor: {{type: test.memory, name: '{name}'{executor}}}\n{extra}"
        files = {**(files or JOBS), "memory.py": PLUGIN}
        home = TempHome.make(tmp_path, database.options(), files, text)
        home.start()
        return Fleet(home, QUEUES[name])

    return make


def test_a_tick_hands_out_and_a_worker_performs_and_reports(fleet: Make) -> None:
    one = fleet()
    done = one.home.tick()
    assert (done.handed_out, done.ran.reports, done.ran.faults) == (2, (), ())
    assert [(run.job, run.waits) for run in one.runs()] == [("one", True), ("other", True)]
    assert one.home.logged() == []
    assert one.work() == 2
    assert [(run.job, run.status, run.attempt) for run in one.runs()] == [("one", "done", 1), ("other", "done", 1)]
    assert sorted(report["group"] for report in one.home.logged()) == ["g", "h"]
    assert one.home.tick(SLOT + MINUTE).handed_out == 0
    assert "close" in one.queue.calls


def test_a_queue_that_gives_everything_twice_changes_nothing(fleet: Make) -> None:
    one = fleet()
    one.queue.twice = True
    one.home.tick()
    assert one.work() == 2
    assert len(one.home.logged()) == 2
    assert one.queue.put_off == []


def test_what_waits_is_not_handed_out_again_and_not_taken_for_dead(fleet: Make) -> None:
    one = fleet()
    one.home.tick()
    later = one.home.tick(SLOT + MINUTE)
    assert (later.handed_out, later.ran.reports) == (0, ())
    assert {run.status for run in one.runs()} == {"running"}


def test_runs_of_a_killed_worker_are_told_as_interrupted_and_handed_out_again(fleet: Make) -> None:
    one = fleet()
    one.home.tick()
    one.begin()
    one.queue.waiting.clear()
    assert one.home.tick(SLOT + MINUTE).handed_out == 2
    assert one.work(SLOT + MINUTE) == 2
    assert sorted((run.job, run.status, run.attempt) for run in one.runs()) == [
        ("one", "done", 2),
        ("one", "interrupted", 1),
        ("other", "done", 2),
        ("other", "interrupted", 1),
    ]
    notes = [note for report in one.home.logged() for result in report["results"] for note in result["notes"]]
    assert notes == ["run 1 was interrupted"] * 2


def test_runs_that_the_queue_lost_are_handed_out_again_even_commands(fleet: Make) -> None:
    command = "schedule: hourly\ncommand: once\nshell: 'echo x >> begun'\n"
    one = fleet({"c.yaml": command}, extra="allow: [command]\n")
    one.home.tick()
    one.queue.waiting.clear()
    assert one.home.tick(SLOT + MINUTE).handed_out == 1
    assert one.work(SLOT + MINUTE) == 1
    assert [(run.status, run.reason) for run in one.runs()] == [
        ("interrupted", "it was handed out, and nobody has it any more"),
        ("done", ""),
    ]


def test_a_command_of_a_killed_worker_is_told_as_unknown(fleet: Make) -> None:
    one = fleet({"c.yaml": "schedule: hourly\ncommand: once\nshell: 'true'\n"}, extra="allow: [command]\n")
    one.home.tick()
    one.begin()
    one.queue.waiting.clear()
    done = one.home.tick(SLOT + MINUTE)
    assert (done.handed_out, states(done)) == (0, {"once": "unknown"})


def test_results_of_a_wave_whose_last_worker_died_are_told_by_the_next_tick(fleet: Make, database: Database) -> None:
    target = {**database.options(), "connect_timeout": "5"}
    one = fleet({"g.yaml": CHECK}, ", queue_by: side")
    one.home.path.joinpath("runner.yaml").write_text(
        one.home.path.joinpath("runner.yaml")
        .read_text()
        .replace("  main: {", "  main: {labels: {side: left}, ", 1)
        .replace("sinks:", f"  two: {{labels: {{side: right}}, host: {target['host']}, port: {target['port']}, "
                 f"dbname: {target['dbname']}, user: {target['user']}}}\nsinks:", 1)
    )  # fmt: skip
    one.home.start(SLOT - MINUTE)
    assert one.home.tick().handed_out == 2
    assert sorted(batch["queue"] for batch in one.queue.waiting) == ["left", "right"]
    assert one.work(queues=("left",)) == 1
    assert one.home.logged() == [], "the group is not complete"
    one.begin()
    one.queue.waiting.clear()
    done = one.home.tick(SLOT + MINUTE)
    assert (done.handed_out, [len(report.results) for report in done.ran.reports]) == (1, [1])
    assert one.work(SLOT + MINUTE) == 1
    assert len(one.home.logged()) == 2


def test_a_worker_with_another_home_refuses_and_the_run_is_told_in_the_end(fleet: Make) -> None:
    one = fleet({"g.yaml": CHECK}, ", patience: 10min")
    one.home.tick()
    one.queue.waiting[0]["version"] = "another"
    assert one.work() == 0
    ((batch, answer),) = one.queue.put_off
    assert answer.reason.startswith("this worker has version ")
    assert not answer.holds
    assert [answer.reason in text for text in one.told] == [True]
    assert [run.reason for run in one.runs()] == [answer.reason]
    assert states(one.home.tick(SLOT + 9 * MINUTE)) == {}
    assert states(one.home.tick(SLOT + 11 * MINUTE)) == {"one": "unknown"}
    (report,) = one.home.logged()
    assert f"no worker began it within 10 min: {answer.reason}" in str(report)
    assert len(batch.runs) == 1
    assert one.work(SLOT + 12 * MINUTE) == 0


def test_the_doctor_tells_of_runs_that_nobody_begins(fleet: Make) -> None:
    one = fleet({"g.yaml": CHECK})
    one.home.tick()
    one.queue.waiting[0]["version"] = "another"
    one.work()

    def said(at: Any) -> list[str]:
        advice = doctor(one.home.load(), ShiftedClock(at), connect=False)
        return [item.message for item in advice if "executor" in item.message or "worker" in item.message]

    assert said(SLOT + MINUTE) == ["executor test.memory: runs can be handed out"]
    _, told = said(SLOT + 6 * MINUTE)
    assert told.startswith("1 run waited for a worker for up to 6 min: this worker has version ")
    one.queue.broken = True
    assert said(SLOT) == ["executor test.memory: the queue cannot be reached"]


def test_an_edited_file_is_read_by_the_worker_as_well(fleet: Make) -> None:
    one = fleet({"g.yaml": CHECK})
    with one.worker() as worker:
        one.home.write("g.yaml", CHECK.replace("select 1 as n", "select 7 as n"))
        one.home.tick()
        loaded = one.home.load()
        assert loaded.home.settings.executor
        open_executor(loaded, loaded.home.settings.executor).work(worker)
    (report,) = one.home.logged()
    assert report["state"] == "warning"


def test_nothing_is_claimed_while_the_queue_is_away(fleet: Make) -> None:
    one = fleet()
    one.queue.broken = True
    done = one.home.tick()
    assert [(fault.where, fault.message) for fault in done.ran.faults] == [("executor", "the queue cannot be reached")]
    assert done.ran.not_recorded
    assert one.runs() == []
    one.queue.broken = False
    assert one.home.tick(SLOT + MINUTE).handed_out == 2


def test_a_window_that_closed_meanwhile_is_kept(fleet: Make) -> None:
    one = fleet({"g.yaml": CHECK + "window: early\n"}, extra="windows: {early: {from: '03:00', to: '03:30'}}\n")
    assert one.home.tick().handed_out == 1
    one.work(SLOT + 40 * MINUTE)
    (report,) = one.home.logged()
    assert report["state"] == "unknown"
    assert "was over" in str(report)


def test_maintenance_has_a_batch_of_its_own_and_takes_what_it_follows_along(fleet: Make) -> None:
    files = {
        "a.yaml": CHECK.replace("check: one", "check: free"),
        "b.yaml": CHECK.replace("check: one", "check: before"),
        "m.yaml": "schedule: hourly\nmaintenance: tidy\nafter: before\nsteps:\n  - vacuum: {tables: [public.t]}\n",
    }
    one = fleet(files)
    one.home.tick()
    lanes = {batch["lane"]: sorted(run[1] for run in batch["runs"]) for batch in one.queue.waiting}
    assert lanes == {"checks": ["free"], "maintenance": ["before", "tidy"]}
    one.work()
    assert {run.status for run in one.runs()} == {"done"}


def test_a_batch_that_is_still_performed_holds_its_lock(fleet: Make) -> None:
    one = fleet({"g.yaml": CHECK})
    one.home.tick()
    with one.home.store() as other, other.hold("slow worker"):
        one.begin("slow worker")
        one.work()
    ((_, answer),) = one.queue.put_off
    assert (answer.holds, answer.reason) == (True, "another worker performs it")


def test_a_worker_that_stops_begins_nothing_new(fleet: Make) -> None:
    one = fleet()
    one.home.tick()
    loaded = one.home.load()
    assert loaded.home.settings.executor
    called: list[bool] = []
    with one.worker() as worker:
        worker.on_stop(lambda: called.append(True))
        worker.stop()
        open_executor(loaded, loaded.home.settings.executor).work(worker)
    assert (worker.done, called) == (0, [True])


def test_without_the_store_nothing_is_handed_out(fleet: Make, tmp_path: Path) -> None:
    one = fleet()
    loaded = one.home.load()
    away = replace(loaded.home.settings, state="postgresql://nobody@127.0.0.1:1/none")
    from runner.app.run_due import run_due

    done = run_due(
        replace(loaded, home=replace(loaded.home, settings=away)), ShiftedClock(SLOT), Manner(stdout=lambda _: None)
    )
    assert (done.handed_out, done.ran.reports, done.ran.not_recorded) == (0, (), True)
    assert one.queue.waiting == []


def test_an_executor_that_was_taken_away_leaves_its_runs_to_the_tick(fleet: Make, tmp_path: Path) -> None:
    one = fleet({"g.yaml": CHECK})
    one.home.tick()
    one.home.extra = ""
    one.home.settings()
    assert states(one.home.tick(SLOT + MINUTE)) == {"one": "ok"}
    with open_store("sqlite:.runner/state.db", tmp_path) as store:
        assert [run.status for run in store.runs("one")] == ["done", "interrupted"]
    assert one.home.tick(SLOT + HOUR).ran.reports
