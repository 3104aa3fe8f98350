"""Ticks of two hosts, each with its own copy of the home, that share a store in PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.app.doctor import doctor
from runner.clock import ShiftedClock
from runner.demo.embedded import Server
from runner.store.base import Claim, RunRecord
from runner.store.open import open_store
from tests.app.homes import CHECK, MINUTE, SLOT, TempHome, states
from tests.postgres import Database, Servers
from tests.store.shared import kill_sessions, url_of

GROUPS = tuple("abcdef")
JOBS = {f"{name}.yaml": CHECK.replace("check: one", f"check: {name}") for name in GROUPS}


@pytest.fixture(scope="module")
def watched(server: Servers) -> Iterator[Database]:
    with server.fresh_database() as database:
        yield database


def two_hosts(tmp_path: Path, watched: Database, url: str) -> list[TempHome]:
    return [TempHome.make(tmp_path / name, watched.options(), JOBS, f"state: {url}\n") for name in ("a", "b")]


def runs_in(url: str, tmp_path: Path) -> tuple[RunRecord, ...]:
    with open_store(url, tmp_path / "looking") as store:
        return store.runs(limit=1000)


def test_each_slot_is_run_by_one_of_two_hosts(tmp_path: Path, watched: Database, database: Database) -> None:
    url = url_of(database.options())
    hosts = two_hosts(tmp_path, watched, url)
    hosts[0].start()
    for hour in range(3):
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda host: host.tick(SLOT + hour * 60 * MINUTE), hosts))  # noqa: B023
        found = [states(each) for each in done]
        assert sorted(name for names in found for name in names) == list(GROUPS)
        assert [each.ran.faults for each in done] == [(), ()]
    reported = [report["group"] for host in hosts for report in host.logged()]
    assert sorted(reported) == sorted(GROUPS * 3)
    assert {run.status for run in runs_in(url, tmp_path)} == {"done"}


def test_a_run_of_a_dead_host_is_taken_over_and_one_of_a_living_host_is_not(
    tmp_path: Path, watched: Database, database: Database
) -> None:
    url = url_of(database.options())
    here, there = two_hosts(tmp_path, watched, url)
    here.start()
    with open_store(url, there.path) as other, other.hold("alive"):
        for job, tick in (("a", "alive"), ("b", "dead")):
            wish = Claim(
                run=f"r-{job}", job=job, kind="check", group=job, target="main", slot=SLOT, tick=tick, now=SLOT
            )
            assert other.claim(wish)
        assert states(here.tick()) == {name: "ok" for name in GROUPS if name != "a"}
    assert {(run.job, run.status, run.attempt) for run in runs_in(url, tmp_path) if run.job in "ab"} == {
        ("a", "running", 1),
        ("b", "interrupted", 1),
        ("b", "done", 2),
    }


def test_a_tick_goes_on_when_its_sessions_are_ended(tmp_path: Path, watched: Database, database: Database) -> None:
    url = url_of(database.options())
    host, _ = two_hosts(tmp_path, watched, url)
    host.write("slow.yaml", CHECK.replace("check: one", "check: slow").replace("select 1", "select count(pg_sleep(1))"))
    host.start()
    with ThreadPoolExecutor() as pool:
        tick = pool.submit(host.tick)
        while not tick.done():
            kill_sessions(database)
            watched.execute("select pg_sleep(0.3)")
        done = tick.result()
    assert set(states(done)) == {*GROUPS, "slow"}
    assert done.ran.faults == ()
    assert {run.status for run in runs_in(url, tmp_path)} == {"done"}


def test_checks_run_and_are_reported_while_the_store_is_down(
    tmp_path: Path, watched: Database, own_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.store.postgres.engine._OPEN_SECONDS", 0.2)
    server = own_server()
    url = url_of(server.options(), password="hunter2")
    host, _ = two_hosts(tmp_path, watched, url)
    host.start()
    server.stop("immediate")
    done = host.tick()
    assert states(done) == dict.fromkeys(GROUPS, "ok")
    assert done.ran.not_recorded
    (fault,) = done.ran.faults
    assert (fault.where, "cannot be reached" in fault.message, bool(fault.hint)) == ("store", True, True)
    assert sorted(report["group"] for report in host.logged()) == list(GROUPS)
    assert len(host.printed) == len(GROUPS)
    told = subprocess.run(
        [sys.executable, "-m", "runner", "--home", str(host.path), "run-due"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 4, told.stderr
    assert "cannot be reached" in told.stdout + told.stderr
    assert "hunter2" not in told.stdout + told.stderr + host.log.read_text()
    server.resume()
    later = SLOT + 60 * MINUTE
    assert states(host.tick(later)) == dict.fromkeys(GROUPS, "ok"), "and goes on when it is back"


def test_a_bad_url_is_a_mistake_of_the_settings_and_shows_no_password(tmp_path: Path, watched: Database) -> None:
    home = TempHome.make(tmp_path, watched.options(), JOBS, "state: postgresql://u:hunter2@host\n")
    (told,) = home.load(sound=False).home.errors
    assert "names no database" in told.message
    assert "hunter2" not in f"{told.message} {told.hint}"


def test_the_password_of_the_store_is_masked_everywhere(tmp_path: Path, watched: Database) -> None:
    home = TempHome.make(tmp_path, watched.options(), JOBS, "state: postgresql://u@host/db?password=hunter2\n")
    assert "hunter2" in {secret.reveal() for secret in home.load().home.secrets}


def test_the_doctor_shows_the_store_and_warns_when_it_watches_its_own_server(
    tmp_path: Path, database: Database
) -> None:
    home = TempHome.make(tmp_path, database.options(), JOBS, f"state: {url_of(database.options())}\n")
    advice = {item.message: item.good for item in doctor(home.load(), ShiftedClock(SLOT), connect=False)}
    (shown,) = [message for message in advice if "can be read and written" in message]
    assert shown.startswith("store postgresql://")
    assert advice["the store is in the database of target main: when that fails, its history is away too"] is False
