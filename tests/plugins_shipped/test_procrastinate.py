"""The executor `runner.procrastinate` on a real server: each batch is carried, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from runner_procrastinate.executor import ProcrastinateExecutor

from runner.api import Batch, ExecutorError, HandedRun, PutOff, Secret
from runner.store.open import open_store
from tests.app.homes import CHECK, SLOT, TempHome
from tests.postgres import Database, eventually
from tests.store.shared import url_of

PLUGIN = Path(__file__).parents[2] / "plugins" / "runner-procrastinate"


@dataclass
class Place:
    """The ExecutorContext."""

    home: Path = Path("/nowhere")
    state_dir: Path = Path("/nowhere/.runner")
    queues: tuple[str, ...] = ("", "dmz")


@dataclass
class Work:
    """A WorkContext that notes what it is given; `answers` are given in turn, then None."""

    queues: Sequence[str] = ("", "dmz")
    jobs: int = 2
    once: bool = True
    stopping: bool = False
    answers: list[PutOff | None] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    during: Callable[[Batch], object] = lambda _: None
    calls: list[Callable[[], object]] = field(default_factory=list)

    def on_stop(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def perform(self, batch: Batch) -> PutOff | None:
        self.got.append(batch.id)
        self.during(batch)
        return self.answers.pop(0) if self.answers else None

    def tell(self, text: str) -> None:
        self.told.append(text)

    def stop(self) -> None:
        self.stopping = True
        for call in self.calls:
            call()


def batch(name: str, wave: str = "w", **more: Any) -> Batch:
    run = HandedRun(run=f"run-{name}", job="j", target="t", slot=datetime(2027, 1, 1, tzinfo=UTC), late="late")
    made = Batch(id=name, wave=wave, queue="", lane="checks", server="db:5432", version="v", runs=(run,))
    return replace(made, **more)


def made(database: Database, **options: Any) -> ProcrastinateExecutor:
    return ProcrastinateExecutor({"dsn": Secret(database.dsn()), "poll": 0.1, **options}, Place())


@pytest.fixture
def executor(database: Database) -> ProcrastinateExecutor:
    executor = made(database)
    assert executor.set_up() == "Procrastinate's tables are made"
    return executor


def test_what_is_handed_out_is_held_until_it_is_performed(executor: ProcrastinateExecutor) -> None:
    executor.hand_out([batch("a"), batch("b", "other", server="two:5432")])
    assert executor.holding(["w", "gone"]) == {"w"}
    work = Work()
    executor.work(work)
    assert sorted(work.got) == ["a", "b"]
    assert executor.holding(["w", "other"]) == frozenset()


def test_the_batch_arrives_as_it_was(executor: ProcrastinateExecutor) -> None:
    sent = batch("a", queue="dmz", lane="maintenance")
    executor.hand_out([sent])
    seen: list[Batch] = []
    executor.work(Work(during=seen.append))
    assert seen == [sent]


def test_workers_serve_their_queues_alone(executor: ProcrastinateExecutor) -> None:
    executor.hand_out([batch("a", queue="dmz"), batch("b", server="two:5432")])
    work = Work(queues=("dmz",))
    executor.work(work)
    assert work.got == ["a"]


def test_one_batch_at_a_time_on_a_server_and_lane(executor: ProcrastinateExecutor) -> None:
    executor.hand_out([batch("a"), batch("b"), batch("m", lane="maintenance"), batch("c")])
    at_work: set[str] = set()
    clashes: list[tuple[str, str]] = []
    guard = threading.Lock()

    def during(one: Batch) -> None:
        with guard:
            clashes.extend((one.lock, one.id) for lock in at_work if lock == one.lock)
            at_work.add(one.lock)
        time.sleep(0.05)
        with guard:
            at_work.discard(one.lock)

    work = Work(jobs=4, once=False, during=during)
    thread = threading.Thread(target=executor.work, args=(work,))
    thread.start()
    eventually(lambda: len(work.got) == 4)
    work.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert clashes == []
    assert [name for name in work.got if name != "m"] == ["a", "b", "c"]


def test_a_refused_batch_waits_and_holds_nothing_up(executor: ProcrastinateExecutor, database: Database) -> None:
    executor.hand_out([batch("a"), batch("b")])
    work = Work(jobs=1, answers=[PutOff(reason="another version", seconds=3600)])
    executor.work(work)
    assert work.got == ["a", "b"]
    assert executor.holding(["w"]) == {"w"}
    database.execute("update procrastinate_jobs set scheduled_at = now()")
    again = Work(jobs=1, once=False)
    thread = threading.Thread(target=executor.work, args=(again,))
    thread.start()
    eventually(lambda: again.got == ["a"])
    again.stop()
    thread.join(20)
    assert executor.holding(["w"]) == frozenset()


def test_a_batch_that_somebody_is_still_at_keeps_its_lock(executor: ProcrastinateExecutor) -> None:
    executor.hand_out([batch("a"), batch("b")])
    work = Work(jobs=1, answers=[PutOff(reason="another worker performs it", seconds=3600, holds=True)])
    executor.work(work)
    assert work.got == ["a"]


def test_what_a_dead_worker_had_waits_again_and_its_lock_is_free(
    executor: ProcrastinateExecutor, database: Database
) -> None:
    executor.hand_out([batch("a"), batch("b")])
    database.execute(
        "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 minute')",
        "select procrastinate_fetch_job_v2(null, (select max(id) from procrastinate_workers))",
    )
    stuck = Work(jobs=1)
    executor.work(stuck)
    assert sorted(stuck.got) == ["a", "b"], "the worker looks for them when it begins"


def test_what_a_living_worker_has_is_left_to_it(executor: ProcrastinateExecutor, database: Database) -> None:
    executor.hand_out([batch("a")])
    database.execute(
        "insert into procrastinate_workers default values",
        "select procrastinate_fetch_job_v2(null, (select max(id) from procrastinate_workers))",
    )
    assert executor.holding(["w"]) == {"w"}
    assert database.value("select status::text from procrastinate_jobs") == "doing"


def test_all_batches_or_none(executor: ProcrastinateExecutor, database: Database) -> None:
    database.execute("alter table procrastinate_jobs add check (lock not like '%bad%')")
    with pytest.raises(ExecutorError):
        executor.hand_out([batch("a"), batch("b", server="bad")])
    assert database.value("select count(*) from procrastinate_jobs") == 0


def test_without_tables_it_says_how_they_are_made(database: Database) -> None:
    executor = made(database)
    with pytest.raises(ExecutorError) as caught:
        executor.holding(())
    assert caught.value.hint == "runner worker --setup"
    executor.set_up()
    assert executor.set_up() == "Procrastinate's tables are there already"
    assert executor.holding(["w"]) == frozenset()


@pytest.mark.parametrize("value", ["", "dmz", "é" * 60, "x" * 200])
def test_queues_of_any_name_are_served(value: str, executor: ProcrastinateExecutor) -> None:
    executor.hand_out([batch("a", queue=value)])
    work = Work(queues=(value,))
    executor.work(work)
    assert work.got == ["a"]


def test_a_worker_goes_on_when_its_sessions_are_ended(executor: ProcrastinateExecutor, database: Database) -> None:
    work = Work(once=False)
    thread = threading.Thread(target=executor.work, args=(work,))
    thread.start()
    try:
        executor.hand_out([batch("a")])
        eventually(lambda: work.got == ["a"])
        database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        executor.hand_out([batch("b")])
        eventually(lambda: work.got == ["a", "b"])
    finally:
        work.stop()
        thread.join(30)
    assert not thread.is_alive()


# ---- whole processes


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Any) -> Iterator[TempHome]:
    with server.fresh_database() as shared:
        extra = (
            f"state: {url_of(shared.options())}\n"
            f"executor: {{type: runner.procrastinate, dsn: '{shared.dsn()}', poll: 0.2}}\n"
        )
        files = {
            "g.yaml": CHECK,
            "queue.py": "from runner_procrastinate import __runner_api__, runner_register_executors\n",
        }
        yield TempHome.make(tmp_path, database.options(), files, extra)


def call(home: TempHome, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(home, *words), env=_environ(), capture_output=True, text=True, check=False)


@contextmanager
def worker(home: TempHome, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        _command(home, "worker", *words),
        env=_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _command(home: TempHome, *words: str) -> list[str]:
    return [sys.executable, "-m", "runner", "--home", str(home.path), *words]


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PLUGIN)}


def ended(home: TempHome) -> list[tuple[str, int]]:
    loaded = home.load()
    with open_store(loaded.home.settings.state, home.path) as store:
        return [(run.status, run.attempt) for run in reversed(store.runs("one"))]


def test_from_the_tick_to_the_report(home: TempHome) -> None:
    told = call(home, "worker", "--setup")
    assert (told.returncode, told.stdout) == (0, "Procrastinate's tables are made\n"), told.stderr
    assert call(home, "run-due", "--now", "2026-03-04T02:55:00Z").returncode == 0
    assert call(home, "run-due", "--now", SLOT.isoformat()).returncode == 0
    assert ended(home)[-1] == ("running", 1)
    told = call(home, "worker", "--once")
    assert (told.returncode, told.stderr) == (0, ""), told.stderr
    assert ended(home)[-1] == ("done", 1)
    assert [report["group"] for report in home.logged()] == ["g"]


def test_the_first_sigterm_lets_end_and_the_second_cancels(home: TempHome) -> None:
    assert call(home, "worker", "--setup").returncode == 0
    home.write("g.yaml", CHECK.replace("select 1", "select count(pg_sleep(60))"))
    home.write("a.yaml", CHECK.replace("one", "quick"))
    call(home, "run-due", "--now", "2026-03-04T02:55:00Z")
    call(home, "run-due", "--now", SLOT.isoformat())

    def sleeping() -> bool:
        with psycopg.connect(**conninfo_to_dict(_dsn_of(home))) as connection:  # type: ignore[arg-type]
            row = connection.execute(
                "select count(*) from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()"
                " and state = 'active'"
            ).fetchone()
        return bool(row and row[0])

    with worker(home) as process:
        eventually(sleeping, what="a run under way")
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert ended(home)[-1] == ("done", 1)
    states = {result["job"]: result["state"] for report in home.logged() for result in report["results"]}
    assert states == {"one": "unknown", "quick": "ok"}


def _dsn_of(home: TempHome) -> str:
    executor = home.load().home.settings.executor
    assert executor is not None
    dsn = executor.options["dsn"]
    assert isinstance(dsn, Secret)
    return dsn.reveal()
