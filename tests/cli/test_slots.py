"""What plan and history show of slots: under way, interrupted, missed, skipped; and a clock that was not set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.store.base import Claim
from runner.store.processlock import ProcessLock
from tests.app.homes import HOUR, SLOT, TempHome
from tests.cli.support import process, runner
from tests.postgres import Database

CHECK = "schedule: hourly\ncheck: {name}\nsql: select 1 as n\nwarning: n > 5\n"


@pytest.fixture
def home(tmp_path: Path, shared: Database) -> TempHome:
    files = {f"{name}.yaml": CHECK.format(name=name) for name in ("alive", "dead", "quiet")}
    made = TempHome.make(tmp_path / "home", shared.options(), files)
    made.start()
    return made


def claim(home: TempHome, job: str, tick: str) -> None:
    with home.store() as store:
        wish = Claim(run=job, job=job, kind="check", group=job, target="main", slot=SLOT, tick=tick, now=SLOT)
        assert store.claim(wish)


def test_plan_and_history_show_runs_that_are_under_way_and_those_whose_process_is_gone(home: TempHome) -> None:
    claim(home, "alive", "alive")
    claim(home, "dead", "dead")
    with ProcessLock(home.path / ".runner", "alive"):
        plan = runner("plan", "--at", "2026-03-04T03:12Z", home=home.path).out.splitlines()
        data = runner("plan", "--at", "2026-03-04T03:12Z", "--json", home=home.path).json()
        history = runner("history", home=home.path).out
        plain = runner("history", "--json", home=home.path).json()["runs"]
    (alive,) = [line for line in plan if line.startswith("running")]
    (dead,) = [line for line in plan if line.startswith("interrupted")]
    assert "alive" in alive
    assert "since 2026-03-04 03:00 UTC, for 12 min" in alive
    assert "its process is gone; is run again, or a newer slot instead" in dead
    assert {item["job"]: item["status"] for item in data["under_way"]} == {"alive": "running", "dead": "interrupted"}
    assert {item["job"]: item["status"] for item in plain} == {"alive": "running", "dead": "interrupted"}
    assert "the process that ran it is gone; the next tick sees to it" in history


def test_plan_and_history_show_slots_that_passed(home: TempHome) -> None:
    home.tick()
    week = SLOT + 7 * 24 * HOUR
    plan = runner("plan", "--at", f"{week:%Y-%m-%dT%H:%MZ}", home=home.path).out
    assert plan.count("stands for 167 older slots too") == 3
    home.tick(week)
    history = runner("history", "quiet", home=home.path).out
    assert "167 slots since 2026-03-04 04:00: no tick came in time" in history
    assert "(0)" not in history
    rows = runner("history", "quiet", "--json", home=home.path).json()["runs"]
    assert [(row["status"], row["slots"]) for row in rows] == [("done", 1), ("missed", 167), ("done", 1)]
    assert datetime.fromisoformat(rows[1]["since"]) == datetime(2026, 3, 4, 4, tzinfo=UTC)


def test_plan_shows_what_an_edit_skips(home: TempHome) -> None:
    home.tick()
    home.write("quiet.yaml", CHECK.format(name="quiet").replace("hourly", "daily at 12:00"))
    plan = runner("plan", "--at", "2026-03-04T06:30Z", home=home.path).out
    assert "; 3 slots since 2026-03-04 04:00 UTC skipped" in plan
    data = runner("plan", "--at", "2026-03-04T06:30Z", "--json", home=home.path).json()
    (passed,) = [item["passed"] for item in data["jobs"] if item["job"] == "quiet"]
    assert (passed["slots"], passed["status"]) == (3, "skipped")


@pytest.mark.parametrize("words", [("run-due",), ("run", "quiet")])
def test_a_clock_that_was_not_set_runs_nothing(home: TempHome, words: tuple[str, ...]) -> None:
    home.tick()
    before = (home.path / ".runner" / "state.db").read_bytes()
    said = process(*words, "--now", "1970-01-01T00:04Z", home=home.path)
    assert said.code == 78
    assert "the clock says 1970-01-01 00:04 UTC" in said.err
    assert (home.path / ".runner" / "state.db").read_bytes() == before
