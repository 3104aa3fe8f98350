from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from runner.model.history import Series
from runner.model.problem import Problem
from runner.model.state import State
from runner.store.base import Recorded
from runner.store.open import open_store
from tests.store.make import T0, hours, make_claim, make_report, make_result, observed, waiting

URL = "sqlite:.runner/state.db"

CLAIM = """
import sys
from pathlib import Path
from runner.store.open import open_store
from tests.store.make import hours, make_claim
name, home = sys.argv[1], Path(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
with open_store("sqlite:.runner/state.db", home) as store:
    for slot in range(200):
        if store.claim(make_claim(f"{name}-{slot}", hours(slot))):
            print(slot)
"""

RECORD = """
import sys
from pathlib import Path
from tests.store.test_concurrency import record_forever
record_forever(Path(sys.argv[1]))
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_two_processes_claim_each_slot_once_and_make_the_file_together(tmp_path: Path) -> None:
    children = [start(CLAIM, name, tmp_path) for name in ("a", "b", "c")]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    claimed = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert Counter(slot for slots in claimed for slot in slots) == Counter(map(str, range(200)))
    with open_store(URL, tmp_path) as store:
        assert len(store.running()) == 200
        assert store.cursors()["j", "t"].slot == hours(199)


def rows_of(index: int) -> dict[Series, dict[str, int]]:
    return {Series("", (f"table {number}",)): {"x": index} for number in range(500)}


def record_forever(home: Path) -> None:
    with open_store(URL, home) as store:
        for index in range(10_000):
            at = hours(index)
            store.claim(make_claim(f"r{index}", at))
            result = make_result(f"r{index}", at, observations=observed(rows_of(index)))
            problem = Problem(job="j", target="t", series=Series(), state=State.WARNING, since=at, seen=at, opened=at)
            print(index, flush=True)
            store.record(
                [Recorded(result=result, problems={Series(): problem})],
                report=make_report(f"g@{index}", [result], at),
                deliveries=[("log", hours(index + 1))],
                now=at,
            )


@pytest.mark.parametrize("records", [1, 2, 5, 9])
def test_a_kill_in_the_middle_of_recording_leaves_all_or_nothing(tmp_path: Path, records: int) -> None:
    child = start(RECORD, tmp_path)
    assert child.stdout is not None
    for _ in range(records):
        assert child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    raw = sqlite3.connect(tmp_path / ".runner" / "state.db")
    assert raw.execute("pragma integrity_check").fetchone() == ("ok",)
    assert raw.execute("pragma foreign_key_check").fetchall() == []
    raw.close()
    with open_store(URL, tmp_path) as store:
        done = [run.run for run in store.runs(status="done", limit=100_000)]
        assert len(done) + len(store.running()) == len(store.runs(limit=100_000))
        assert len(store.running()) <= 1
        deliveries = waiting(store)
        assert [delivery.report.results[0].run for delivery in deliveries] == done[::-1]
        assert all(len(delivery.report.results[0].outcome.observations) == 500 for delivery in deliveries)
        assert {problem.since for problem in store.problems()} == (
            {deliveries[-1].report.slot} if deliveries else set()
        )
        trend = store.trend("j", "t", "x", T0)
        assert {len(samples) for samples in trend.values()} == ({len(done)} if done else set())


def test_threads_share_one_store(tmp_path: Path) -> None:
    wrong: list[BaseException] = []
    with open_store(URL, tmp_path) as store:

        def work(name: str) -> None:
            try:
                for index in range(20):
                    run = f"{name}{index}"
                    store.claim(make_claim(run, hours(index), target=name))
                    result = make_result(run, hours(index), target=name, observations=observed(rows_of(index)))
                    store.record([Recorded(result=result)], report=None, deliveries=[], now=T0)
                    assert store.latest()
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(store.runs(status="done", limit=1000)) == 80
        assert sorted(result.run for result in store.latest()) == ["a19", "b19", "c19", "d19"]
