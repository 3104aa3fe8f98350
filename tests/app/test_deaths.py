"""Ticks that die at a named point, and clocks that are set: the smallest story for each thing that once went wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.gate import is_closed
from runner.version import VERSION
from tests.app.accounts import rows_of
from tests.app.simulated import SCRIPT, SetClock, Simulated

SLOT = datetime(2026, 3, 4, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WORK = "schedule: hourly\nsim.work: one\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Simulated]:
    made = Simulated(tmp_path / "home", SetClock(SLOT - 2 * MINUTE))
    with made.deaths.installed():
        yield made


def tick(world: Simulated, at: datetime, point: str = "", times: int = 1) -> bool:
    """Whether it lived."""
    world.clock.at = at
    return world.tick(point, times).done is not None


def slots(world: Simulated, job: str = "one", target: str = "") -> list[tuple[str, int, str]]:
    return [(row.status, row.slots, f"{row.slot:%H:%M}") for row in rows_of(world)[job, target]]


def test_slots_before_one_that_ran_are_accounted_for_when_the_clock_catches_up(world: Simulated) -> None:
    world.write("one", WORK)
    assert all(tick(world, at) for at in (SLOT - MINUTE, SLOT + 3 * HOUR, SLOT - 5 * HOUR, SLOT + 3 * HOUR + MINUTE))
    assert slots(world) == [("missed", 3, "05:00"), ("done", 1, "06:00"), ("missed", 4, "02:00")]


def test_slots_on_both_sides_of_a_run_by_name_are_accounted_for(world: Simulated) -> None:
    world.write("one", WORK)
    assert tick(world, SLOT - MINUTE)
    world.clock.at = SLOT + 3 * HOUR + 30 * MINUTE
    world.run_by_name("one")
    assert tick(world, SLOT + 6 * HOUR)
    assert slots(world) == [("done", 1, "06:30"), ("missed", 4, "06:00"), ("missed", 2, "08:00"), ("done", 1, "09:00")]


def test_a_tick_that_dies_over_an_edit_does_not_make_the_new_schedule_act_on_the_past(world: Simulated) -> None:
    world.write("one", WORK)
    assert tick(world, SLOT - MINUTE)
    world.write("one", WORK.replace("hourly", "every 5min"))
    assert not tick(world, SLOT + 19 * MINUTE, "after-passed")
    assert tick(world, SLOT + 19 * MINUTE)
    assert slots(world) == [("skipped", 1, "03:00")]
    assert tick(world, SLOT + 20 * MINUTE)
    assert slots(world)[1:] == [("done", 1, "03:20")]


def test_results_of_a_dead_tick_are_reported_by_one_of_two_that_live(world: Simulated) -> None:
    world.write("two", "schedule: hourly\njobs:\n  - sim.work: one\n  - sim.work: other\n")
    assert tick(world, SLOT - MINUTE)
    world.say("found-one", "k:warning")
    assert not tick(world, SLOT, "before-run", 2)
    world.say("hold-other", "")
    begun = len(world.ran())
    slow = threading.Thread(target=tick, args=(world, SLOT + MINUTE))
    slow.start()
    while len(world.ran()) == begun:
        assert slow.is_alive()
    assert tick(world, SLOT + 2 * MINUTE)
    world.say("hold-other", None)
    slow.join()
    assert [[change[0] for change in report["changes"]] for report in world.got("everything")] == [["one"]]


def test_an_interrupted_run_waits_for_its_file_to_be_mended(world: Simulated) -> None:
    world.write("one", WORK)
    assert tick(world, SLOT - MINUTE)
    assert not tick(world, SLOT, "after-run")
    world.write("one", "schedule: sometimes\n")
    assert tick(world, SLOT + MINUTE)
    assert slots(world) == [("running", 1, "03:00")]
    world.write("one", WORK)
    assert tick(world, SLOT + 2 * MINUTE)
    assert slots(world) == [("interrupted", 1, "03:00"), ("done", 1, "03:00")]
    assert len(world.got("everything")) == 1


@pytest.mark.parametrize("point", ["before-report", "after-report", "before-settle", "before-emit"])
def test_a_tick_that_cannot_publish_ends(world: Simulated, point: str) -> None:
    """A thread that waits for ever would keep the process, and with it the tick's lock."""
    world.write("one", WORK)
    assert tick(world, SLOT - MINUTE)
    assert not tick(world, SLOT, point)
    assert [each.name for each in threading.enumerate() if each.name == "runner-courier"] == []
    assert tick(world, SLOT + MINUTE)
    assert len({report["id"] for report in world.got("everything")}) == 1


def test_the_gate_opens_when_the_problems_of_a_job_that_is_gone_end(world: Simulated) -> None:
    world.write("one", WORK)
    world.write("rare", "schedule: daily at 01:00\nsim.work: rare\n")
    world.say("found-one", "k:warning")
    assert all(tick(world, at) for at in (SLOT - MINUTE, SLOT))
    world.write("one", None)
    for file in (world.path, *world.path.rglob("*")):
        os.utime(file, (0, 0))
    assert tick(world, SLOT + 2 * MINUTE)
    closed = [is_closed(str(world.path), VERSION, (SLOT + at * MINUTE).timestamp()) for at in (3, 61, 63)]
    assert closed == [True, True, False]
    assert tick(world, SLOT + 63 * MINUTE)
    assert world.got("everything")[-1]["changes"][0][3] == "recovered"


def test_a_command_is_begun_once_wherever_the_tick_dies(world: Simulated) -> None:
    world.write("one", f"schedule: hourly\ncommand: one\nshell: '{SCRIPT}'\n")
    assert tick(world, SLOT - MINUTE)
    for hour, point in enumerate(("after-claim", "before-run", "after-run", "before-report", "after-report")):
        assert not tick(world, SLOT + hour * HOUR, point)
        assert tick(world, SLOT + hour * HOUR + MINUTE)
    begun = [slot for _, _, slot, _ in world.ran()]
    assert begun == [SLOT + hour * HOUR for hour in (2, 3, 4)]
    assert len(world.got("everything")) == 5
