"""Whole ticks around slots that are not simply run: jobs that follow others, blackouts, edits, jobs that go and return."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from runner.store.base import Claim
from tests.app.homes import CHECK, HOUR, MINUTE, SLOT, Make, TempHome, states


def check(name: str, more: str = "", *, n: str = "1") -> str:
    return f"schedule: hourly\ncheck: {name}\ncolumns: {{n: count}}\nsql: select {n} as n\nwarning: n > 5\n{more}"


def slots(home: TempHome, job: str) -> list[tuple[str, int, str]]:
    """Status, slots that the row stands for, and the row's slot; the oldest first."""
    with home.store() as store:
        return [(run.status, run.slots, f"{run.slot:%d %H:%M}") for run in reversed(store.runs(job))]


# ---- after


@pytest.mark.parametrize(("n", "found"), [("1", "ok"), ("9", "skipped")])
def test_a_job_follows_another_in_the_same_tick(make: Make, n: str, found: str) -> None:
    home = make(a_later=check("later", "after: first\n"), b_first=check("first", n=n))
    home.start()
    done = home.tick()
    assert states(done) == {"first": "ok" if n == "1" else "warning", "later": found}
    if found == "skipped":
        assert "runs after `first`, which is warning" in str(home.logged())
    assert states(home.tick(SLOT + MINUTE)) == {}


def test_a_job_that_is_passed_over_keeps_its_problems(make: Make) -> None:
    home = make(later=check("later", "after: first\n", n="7"), first=check("first"))
    home.start()
    home.tick()
    home.write("first.yaml", check("first", n="9"))
    assert states(home.tick(SLOT + HOUR))["later"] == "skipped"
    with home.store() as store:
        assert {problem.job for problem in store.problems()} == {"first", "later"}
    home.write("first.yaml", check("first"))
    assert states(home.tick(SLOT + 2 * HOUR)) == {"first": "ok", "later": "warning"}
    assert [item["change"] for item in home.logged()[-1]["results"][0]["transitions"]] == [], "it is not news"


def test_a_command_of_this_host_waits_for_a_check_on_a_target(make: Make) -> None:
    home = make(
        "allow: [command]\n",
        restart="schedule: hourly\ncommand: restart\nrun: ['true']\nafter: health\n",
        health=check("health"),
    )
    home.start()
    assert states(home.tick()) == {"health": "ok"}
    assert states(home.tick(SLOT + MINUTE)) == {"restart": "ok"}
    home.write("health.yaml", check("health", n="9"))
    assert states(home.tick(SLOT + HOUR)) == {"health": "warning"}
    assert states(home.tick(SLOT + HOUR + MINUTE)) == {}
    assert slots(home, "restart") == [("done", 1, "04 03:00"), ("skipped", 1, "04 04:00")]


# ---- blackout


def test_a_silence_that_stops_the_runs_leaves_a_row_for_every_slot(make: Make) -> None:
    home = make()
    home.start()
    home.settings('silences: [{jobs: ["*"], until: 2026-03-04 04:30, reason: moving house, runs: skip}]\n')
    assert states(home.tick()) == {}
    assert states(home.tick(SLOT + HOUR)) == {}
    assert states(home.tick(SLOT + 2 * HOUR)) == {"one": "ok"}
    assert [row[0] for row in slots(home, "one")] == ["skipped", "skipped", "done"]
    with home.store() as store:
        assert "moving house" in store.runs("one")[-1].reason


# ---- the host was off, the schedule was edited


def test_every_slot_of_a_week_off_is_accounted_for(make: Make) -> None:
    home = make()
    home.start()
    home.tick()
    home.tick(SLOT + 7 * 24 * HOUR)
    assert slots(home, "one") == [("done", 1, "04 03:00"), ("missed", 167, "11 02:00"), ("done", 1, "11 03:00")]
    with home.store() as store:
        gap = store.runs("one")[1]
    assert gap.since == SLOT + HOUR
    assert "stands for it" in gap.reason


def test_slots_before_an_edit_are_skipped_with_that_reason(make: Make) -> None:
    home = make()
    home.start()
    home.tick()
    home.write("one.yaml", CHECK.replace("hourly", "daily at 12:00"))
    assert states(home.tick(SLOT + 3 * HOUR + MINUTE)) == {}
    assert slots(home, "one") == [("done", 1, "04 03:00"), ("skipped", 3, "04 06:00")]
    assert states(home.tick(SLOT + 9 * HOUR)) == {"one": "ok"}


def test_what_ran_before_the_clock_was_set_back_is_not_told_to_be_missed(make: Make) -> None:
    home = make()
    home.start()
    for hour in range(5):
        home.tick(SLOT + hour * HOUR)
    home.tick(SLOT + HOUR + 30 * MINUTE)
    home.tick(SLOT + 7 * HOUR)
    rows = slots(home, "one")
    assert [row for row in rows if row[0] == "done"] == [("done", 1, f"04 0{hour}:00") for hour in range(3, 8)] + [
        ("done", 1, "04 10:00")
    ]
    assert [row for row in rows if row[0] == "missed"] == [("missed", 2, "04 09:00")]


# ---- jobs that go and return


def test_a_job_that_is_removed_ends_its_problems_and_tells_it(make: Make) -> None:
    home = make(one=check("one", n="9"), two=check("two"))
    home.start()
    home.tick()
    (home.path / "checks.d" / "one.yaml").unlink()
    assert states(home.tick(SLOT + 10 * MINUTE)) == {}
    assert states(home.tick(SLOT + HOUR)) == {"two": "ok"}, "it may still come back"
    done = home.tick(SLOT + 90 * MINUTE)
    assert states(done) == {"one": "skipped"}
    (transition,) = done.ran.reports[0].transitions
    assert transition.change.value == "recovered"
    assert "the job was removed from the home" in transition.message
    with home.store() as store:
        assert store.problems(open_only=False) == ()
    assert states(home.tick(SLOT + 91 * MINUTE)) == {}


def test_a_job_that_returns_at_once_goes_on_and_one_that_stays_away_starts_anew(make: Make) -> None:
    home = make(one=check("one", n="9"), two=check("two"))
    home.start()
    home.tick()
    file = home.path / "checks.d" / "one.yaml"
    text = file.read_text()
    file.unlink()
    home.tick(SLOT + 50 * MINUTE)
    file.write_text(text)
    assert states(home.tick(SLOT + HOUR + 5 * MINUTE))["one"] == "warning", "its slot is not lost"
    file.unlink()
    home.tick(SLOT + 2 * HOUR - MINUTE)
    file.write_text(text)
    home.tick(SLOT + 5 * HOUR + 30 * MINUTE)
    assert slots(home, "one") == [("done", 1, "04 03:00"), ("done", 1, "04 04:00")]


def test_a_job_with_a_mistake_is_not_gone(make: Make) -> None:
    home = make(one=check("one", n="9"), two=check("two"))
    home.start()
    home.tick()
    sound = (home.path / "checks.d" / "one.yaml").read_text()
    home.write("one.yaml", sound.replace("warning:", "wrning:"))
    home.tick(SLOT + 2 * HOUR, sound=False)
    home.tick(SLOT + 9 * HOUR, sound=False)
    home.write("one.yaml", sound)
    assert states(home.tick(SLOT + 9 * HOUR + MINUTE))["one"] == "warning"
    assert slots(home, "one")[1:] == [("missed", 8, "04 11:00"), ("done", 1, "04 12:00")]


# ---- interrupted runs


def interrupted(home: TempHome, job: str, at: timedelta = timedelta(0)) -> None:
    with home.store() as store:
        slot = SLOT + at
        assert store.claim(
            Claim(run="r-dead", job=job, kind="check", group=job, target="main", slot=slot, tick="dead", now=slot)
        )


def test_an_interrupted_run_is_not_repeated_outside_its_window(make: Make) -> None:
    windows = 'windows: {night: {from: "02:00", to: "05:00"}}\n'
    home = make(windows, one=check("one", "window: night\n").replace("hourly", "daily at 03:00"))
    home.start()
    interrupted(home, "one")
    assert states(home.tick(SLOT + 6 * HOUR)) == {"one": "unknown"}
    assert "its window night (02:00 to 05:00 UTC) is over" in json.dumps(home.logged())


def test_an_interrupted_run_gives_way_to_a_newer_slot(make: Make) -> None:
    home = make()
    home.start()
    interrupted(home, "one")
    assert states(home.tick(SLOT + HOUR)) == {"one": "ok"}
    assert home.runs() == [("one", "interrupted", 1), ("one", "done", 1)]
    with home.store() as store:
        assert "a newer slot is run instead" in store.runs("one")[-1].reason
