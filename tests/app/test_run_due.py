"""Ticks from end to end: real homes, a real server, a real store, chosen times."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from runner.api import Change
from runner.errors import StoreError
from runner.store.base import Claim
from runner.store.processlock import ProcessLock
from runner.store.sqlstore import SqlStore
from tests.app.homes import CHECK, HOUR, MINUTE, SLOT, Make, TempHome, states
from tests.postgres import Database, Servers, eventually


def command(name: str, script: str, more: str = "") -> str:
    return f'schedule: hourly\ncommand: {name}\nrun: [sh, -c, "{script}"]\n{more}'


def claim(home: TempHome, job: str, tick: str, *, kind: str = "check", target: str = "main") -> None:
    """A run that some tick claimed for the slot."""
    with home.store() as store:
        wish = Claim(run=f"r-{job}", job=job, kind=kind, group=job, target=target, slot=SLOT, tick=tick, now=SLOT)
        assert store.claim(wish)


# ---- slots


def test_a_slot_is_run_once(make: Make) -> None:
    home = make()
    home.start()
    assert states(home.tick()) == {"one": "ok"}
    assert [home.tick(at).ran.reports for at in (SLOT, SLOT + MINUTE, SLOT + 59 * MINUTE)] == [(), (), ()]
    assert states(home.tick(SLOT + HOUR)) == {"one": "ok"}
    assert home.runs() == [("one", "done", 1), ("one", "done", 1)]
    assert [report["group"] for report in home.logged()] == ["one", "one"]
    assert len(home.printed) == 2


def test_the_first_tick_does_not_act_on_the_past(make: Make) -> None:
    home = make()
    home.start(SLOT + 5 * MINUTE)
    assert home.runs() == []


def test_after_a_night_off_the_newest_slot_is_run_once_and_said_to_be_late(make: Make) -> None:
    home = make()
    home.start()
    done = home.tick(SLOT + timedelta(hours=5, minutes=10))
    assert states(done) == {"one": "ok"}
    assert "late" in home.logged()[0]["results"][0]["notes"][0]
    assert home.runs() == [("one", "missed", 0), ("one", "done", 1)]


def test_catch_up_no_drops_what_was_missed_and_history_shows_it(make: Make) -> None:
    home = make(one=f"{CHECK}catch_up: no\n")
    home.start()
    assert states(home.tick(SLOT + timedelta(minutes=10))) == {}
    assert home.runs() == [("one", "missed", 0)]


def test_a_clock_that_goes_back_runs_nothing_twice(make: Make) -> None:
    home = make()
    home.start()
    home.tick()
    assert states(home.tick(SLOT - MINUTE)) == {}
    assert states(home.tick(SLOT)) == {}
    assert home.runs() == [("one", "done", 1)]


def test_groups_report_in_order_and_jobs_stand_in_the_order_of_their_file(make: Make) -> None:
    jobs = "schedule: hourly\njobs:\n" + "".join(f"  - {{check: {name}, sql: select 1 as n}}\n" for name in "zya")
    home = make(b=jobs.replace("check: ", "check: b-"), a=jobs.replace("check: ", "check: a-"))
    home.start()
    done = home.tick()
    assert [[result.job for result in report.results] for report in done.ran.reports] == [
        ["a-z", "a-y", "a-a"], ["b-z", "b-y", "b-a"],
    ]  # fmt: skip


def test_one_group_alone(make: Make) -> None:
    home = make(one=CHECK, two=CHECK.replace("one", "two"))
    home.start()
    assert states(home.tick(SLOT, "two")) == {"two": "ok"}
    assert states(home.tick(SLOT)) == {"one": "ok"}


def test_ticks_at_the_same_instant_run_a_slot_once(make: Make) -> None:
    home = make(one=CHECK.replace("select 1 as n", "select 1 as n from pg_sleep(0.3)"))
    home.start()
    words = [sys.executable, "-m", "runner", "--home", str(home.path), "run-due", "--now", "2026-03-04T03:00:01Z"]
    ticks = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
    said = [tick.communicate()[1] for tick in ticks]
    assert [tick.returncode for tick in ticks] == [0, 0, 0], said
    assert home.runs() == [("one", "done", 1)]
    assert len(home.logged()) == 1


# ---- problems over time


def test_a_problem_from_tick_to_tick(make: Make, shared: Database) -> None:
    shared.execute("drop table if exists level", "create table level as select 1 as n")
    home = make(one=CHECK.replace("select 1 as n", "select n from level") + "critical: n > 50\n")
    home.start()
    changes = []
    for hour, level in enumerate([1, 9, 99, 9, 1]):
        shared.execute(f"update level set n = {level}")
        (report,) = home.tick(SLOT + hour * HOUR).ran.reports
        changes.append([item.change for item in report.transitions])
    assert changes == [[], [Change.OPENED], [Change.WORSENED], [Change.EASED], [Change.RECOVERED]]


def test_a_dropped_database_takes_its_problems_with_it(make: Make, server: Servers) -> None:
    check = "schedule: hourly\ncheck: rows\nfor_each: database\nkey: [name]\nwarning: true\nsql: |\n"
    check += "  select 'x' as name from pg_database where datname = current_database() and datname like 'test%'\n"
    home = make(rows=check)
    home.start()
    with server.fresh_database() as database:
        home.tick()
        with home.store() as store:
            assert database.name in {problem.series.database for problem in store.problems()}
    (report,) = home.tick(SLOT + HOUR).ran.reports
    ended = {item.series.database: item.change for item in report.transitions}
    assert ended[database.name] is Change.RECOVERED
    with home.store() as store:
        assert database.name not in {problem.series.database for problem in store.problems()}


def test_an_unreachable_server_is_critical_for_the_connection_and_unknown_for_the_rest(make: Make) -> None:
    files = "schedule: hourly\njobs:\n  - use: pg.reachable\n  - {check: one, sql: select 1 as n, warning: n > 5}\n"
    home = make(all=files)
    home.start()
    home.tick()
    home.options = {**home.options, "host": "/nonexistent"}
    home.settings()
    (report,) = home.tick(SLOT + HOUR).ran.reports
    assert states(home.tick(SLOT + 2 * HOUR)) == {"reachable": "critical", "one": "unknown"}
    assert {item.change for item in report.transitions} == {Change.OPENED}


def test_what_applied_once_and_does_not_any_more_is_told_once(make: Make, shared: Database) -> None:
    shared.execute("drop table if exists applies", "create table applies as select true as a")
    home = make(one=CHECK + "applies_if: select a, 'it was switched off' from applies\n")
    home.start()
    found = [states(home.tick())["one"]]
    shared.execute("update applies set a = false")
    found += [states(home.tick(SLOT + hour * HOUR))["one"] for hour in (1, 2)]
    assert found == ["ok", "unknown", "skipped"]
    assert "it was switched off" in home.logged()[1]["results"][0]["summary"]


# ---- crashes


def test_a_dead_ticks_check_is_run_again(make: Make) -> None:
    home = make()
    home.start()
    claim(home, "one", "dead")
    done = home.tick(SLOT + MINUTE)
    assert states(done) == {"one": "ok"}
    assert home.runs() == [("one", "interrupted", 1), ("one", "done", 2)]
    assert "interrupted" in home.logged()[0]["results"][0]["notes"][0]


def test_a_run_that_kills_its_tick_is_not_run_for_ever(make: Make) -> None:
    home = make()
    home.start()
    claim(home, "one", "dead")
    seen = []
    for minute in range(1, 6):
        seen.append(states(home.tick(SLOT + minute * MINUTE)))
        with sqlite3.connect(home.path / ".runner" / "state.db") as connection:
            connection.execute(
                "update runs set status = 'running', tick = 'dead' where attempt = (select max(attempt) from runs)"
            )
        connection.close()
        if seen[-1].get("one") == "unknown":
            break
    assert seen[-1] == {"one": "unknown"}
    assert len(seen) <= 4


def test_a_dead_ticks_command_is_told_and_not_run_again(make: Make, tmp_path: Path) -> None:
    home = make("allow: [command]\n", touch=command("touch", f"echo x >> {tmp_path}/ran"))
    home.start()
    claim(home, "touch", "dead", kind="command", target="")
    done = home.tick(SLOT + MINUTE)
    assert states(done) == {"touch": "unknown"}
    assert not (tmp_path / "ran").exists()
    assert "not run again" in home.logged()[0]["results"][0]["summary"]
    assert home.runs()[0] == ("touch", "interrupted", 1)
    assert states(home.tick(SLOT + 2 * MINUTE)) == {}
    assert states(home.tick(SLOT + HOUR)) == {"touch": "ok"}


def test_a_dead_ticks_command_with_retry_is_run_again(make: Make, tmp_path: Path) -> None:
    home = make("allow: [command]\n", touch=command("touch", f"echo x >> {tmp_path}/ran", "retry: {times: 1}\n"))
    home.start()
    claim(home, "touch", "dead", kind="command", target="")
    assert states(home.tick(SLOT + MINUTE)) == {"touch": "ok"}
    assert (tmp_path / "ran").read_text() == "x\n"


@pytest.mark.parametrize("change", ["job", "target"])
def test_a_dead_ticks_run_of_something_that_is_gone_is_only_marked(make: Make, change: str) -> None:
    home = make()
    home.start()
    claim(home, "gone" if change == "job" else "one", "dead", target="main" if change == "job" else "gone")
    assert states(home.tick(SLOT - MINUTE)) == {}
    assert [run[1] for run in home.runs()] == ["interrupted"]


def test_a_live_run_is_not_taken_over(make: Make) -> None:
    home = make()
    home.start()
    with ProcessLock(home.path / ".runner", "alive"):
        claim(home, "one", "alive")
        assert states(home.tick(SLOT + MINUTE)) == {}
        assert home.runs() == [("one", "running", 1)]
        assert states(home.tick(SLOT + HOUR)) == {}
        assert home.runs() == [("one", "running", 1), ("one", "skipped", 0)]
    assert states(home.tick(SLOT + HOUR + MINUTE)) == {"one": "ok"}


def test_overlap_wait_runs_when_the_other_has_ended(make: Make) -> None:
    home = make(one=f"{CHECK}overlap: wait\n")
    home.start()
    with ProcessLock(home.path / ".runner", "alive"):
        claim(home, "one", "alive")
        assert states(home.tick(SLOT + HOUR)) == {}
        with home.store() as store:
            assert store.interrupt("r-one", "ended", SLOT)
    assert states(home.tick(SLOT + HOUR + MINUTE)) == {"one": "ok"}


def test_results_that_nobody_told_of_are_in_the_next_report(make: Make) -> None:
    home = make()
    home.start()
    home.tick()
    with sqlite3.connect(home.path / ".runner" / "state.db") as connection:
        connection.execute("delete from deliveries")
        connection.execute("delete from reports")
        connection.execute("update runs set report = null")
    connection.close()
    home.log.unlink()
    with home.store() as store:
        assert [result.job for result in store.unreported()] == ["one"]
    done = home.tick(SLOT + MINUTE)
    assert states(done) == {"one": "ok"}
    assert len(home.logged()) == 1
    assert states(home.tick(SLOT + 2 * MINUTE)) == {}


def test_a_killed_tick_is_made_good(make: Make, tmp_path: Path) -> None:
    """Killed with -9 in the middle: the check is run again, the command is told of."""
    mark = tmp_path / "started"
    home = make(
        "allow: [command]\n",
        slow=command("slow", f"echo x >> {mark}; sleep 30"),
        one=CHECK,
    )
    home.start()
    words = [sys.executable, "-m", "runner", "--home", str(home.path), "run-due", "--now", "2026-03-04T03:00:01Z"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as tick:
        eventually(mark.exists, what="the command's start")
        eventually(lambda: ("one", "done", 1) in home.runs(), what="the check's end")
        os.killpg(tick.pid, 9)
    done = home.tick(SLOT + 2 * MINUTE)
    assert states(done)["slow"] == "unknown"
    assert mark.read_text() == "x\n"
    subprocess.run(["pkill", "-9", "-P", "1", "-f", f"echo x >> {mark}"], check=False)


# ---- permissions


def test_commands_are_refused_unless_allowed(make: Make, tmp_path: Path) -> None:
    home = make(touch=command("touch", f"echo x >> {tmp_path}/ran"), one=CHECK)
    home.start()
    assert states(home.tick()) == {"touch": "unknown", "one": "ok"}
    assert not (tmp_path / "ran").exists()
    refused = next(report for report in home.logged() if report["group"] == "touch")
    assert "add `allow: [command]` to runner.yaml" in refused["results"][0]["summary"]


# ---- the store


def broken_store(home: TempHome, how: str) -> None:
    state = home.path / ".runner"
    if how == "a file of another program":
        state.mkdir()
        (state / "state.db").write_bytes(b"%PDF-1.7 not a store" * 50)
    elif how == "a directory in its place":
        (state / "state.db").mkdir(parents=True)
    elif how == "a file in place of its folder":
        state.write_text("in the way")
    elif how == "a damaged file":
        state.mkdir()
        with sqlite3.connect(state / "state.db") as connection:
            connection.execute("create table t (a)")
        connection.close()
        data = bytearray((state / "state.db").read_bytes())
        data[100:] = b"\xff" * (len(data) - 100)
        (state / "state.db").write_bytes(bytes(data))


@pytest.mark.parametrize(
    "how",
    ["a file of another program", "a directory in its place", "a file in place of its folder", "a damaged file"],
)
def test_checks_run_and_are_reported_without_a_store(make: Make, tmp_path: Path, how: str) -> None:
    home = make("allow: [command]\n", one=CHECK, touch=command("touch", f"echo x >> {tmp_path}/ran"))
    broken_store(home, how)
    done = home.tick()
    assert states(done) == {"one": "ok", "touch": "unknown"}
    assert [fault.where for fault in done.ran.faults] == ["store"]
    assert done.ran.faults[0].hint
    assert done.ran.not_recorded
    assert {report["group"] for report in home.logged()} == {"one", "touch"}
    assert [fault["where"] for report in home.logged() for fault in report["faults"]] == ["store"] * 2
    assert not (tmp_path / "ran").exists()
    assert any("the store cannot be used" in report["results"][0]["summary"] for report in home.logged())


BEFORE = ("running", "claim", "cursors", "adopt")
AFTER = ("tick", "prune", "record", "pending", "settle")
UNNOTICED = ("memory", "past")


@pytest.mark.parametrize("method", BEFORE + AFTER + UNNOTICED)
def test_a_store_that_fails_in_the_middle_costs_no_report_and_runs_no_command_twice(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    home = make("allow: [command]\n", one=CHECK, touch=command("touch", f"echo x >> {tmp_path}/ran"))
    home.start()
    good = getattr(SqlStore, method)

    def fail(self: SqlStore, *arguments: object, **named: object) -> object:
        if self.durable:
            raise StoreError("the store cannot be written: the disk is full", hint="free some space")
        return good(self, *arguments, **named)

    monkeypatch.setattr(SqlStore, method, fail)
    done = home.tick()
    monkeypatch.undo()
    assert states(done) == {
        "one": "ok", "touch": "unknown" if method in BEFORE else "ok",
    }  # fmt: skip
    assert (method in UNNOTICED) != any("disk is full" in fault.message for fault in done.ran.faults)
    assert done.ran.not_recorded == (method not in UNNOTICED)
    if method != "pending":
        assert {report["group"] for report in home.logged()} == {"one", "touch"}
    home.tick(SLOT + MINUTE)
    home.tick(SLOT + 2 * MINUTE)
    assert {report["group"] for report in home.logged()} == {"one", "touch"}
    assert (tmp_path / "ran").read_text() == "x\n"


# ---- sinks and plugins


def test_a_log_that_cannot_be_written_keeps_the_results_and_delivers_later(make: Make) -> None:
    home = make()
    home.log.parent.rmdir()
    home.start()
    done = home.tick()
    assert states(done) == {"one": "ok"}
    assert len(home.printed) == 1
    (fault,) = done.ran.faults
    assert (fault.where, "does not exist" in fault.message, fault.hint != "") == ("sink log", True, True)
    assert not done.ran.gave_up
    assert not done.ran.not_recorded
    with home.store() as store:
        assert store.pending_count() == 1
    home.log.parent.mkdir()
    later = home.tick(SLOT + 30 * MINUTE)
    assert later.ran.faults == ()
    assert [report["group"] for report in home.logged()] == ["one"]
    assert len(home.printed) == 1


def test_a_sink_that_never_recovers_is_given_up_loudly(make: Make) -> None:
    home = make()
    home.log.parent.rmdir()
    home.start()
    home.tick()
    ticks = [home.tick(SLOT + minutes * MINUTE) for minutes in (59, 24 * 60 - 1, 25 * 60 + 30)]
    assert [done.ran.gave_up for done in ticks][-1]
    assert any("given up" in fault.message for fault in ticks[-1].ran.faults)


NOISY = """
from runner.api import hookimpl

@hookimpl
def runner_tick_started(tick): raise ValueError("at the start")
@hookimpl
def runner_result_ready(result): raise SystemExit(9)
@hookimpl
def runner_report_ready(report): raise RuntimeError("at the report")
@hookimpl
def runner_delivery_finished(delivery): raise KeyError("at the delivery")
"""


def test_a_plugin_that_raises_in_every_hook_costs_nothing(make: Make) -> None:
    home = make(one=CHECK, two=CHECK.replace("one", "two"))
    home.write("noisy.py", NOISY)
    home.start()
    done = home.tick()
    assert states(done) == {"one": "ok", "two": "ok"}
    assert {report["group"] for report in home.logged()} == {"one", "two"}
    said = " ".join(fault.message for fault in done.ran.faults)
    for hook in ("tick_started", "result_ready", "report_ready", "delivery_finished"):
        assert f"failed in runner_{hook}" in said
    assert not done.ran.not_recorded
    with home.store() as store:
        assert store.pending_count() == 0


KINDS = """
from runner.api import JobKind, Outcome, Scope, Finding, State, hookimpl

def read(node, context):
    return None
def broken(context, job):
    raise ValueError("boom")
def odd(context, job):
    return Outcome(summary="odd", findings=(None,))
def says(context, job):
    return Outcome(summary="fine")

@hookimpl
def runner_register_job_kinds():
    for name, run in (("t.broken", broken), ("t.odd", odd), ("t.says", says)):
        yield JobKind(name=name, summary="s", read=read, run=run)
"""


def test_a_kind_that_fails_is_unknown_and_a_fault_and_the_others_go_on(make: Make) -> None:
    jobs = "schedule: hourly\njobs:\n  - {t.broken: a}\n  - {t.odd: b}\n  - {t.says: c}\n"
    home = make(kinds=jobs, one=CHECK)
    home.write("t.py", KINDS)
    home.start()
    done = home.tick()
    assert states(done) == {"a": "unknown", "b": "unknown", "c": "ok", "one": "ok"}
    assert sorted(fault.where for fault in done.ran.faults) == ["job a", "job b"]
    assert states(home.tick(SLOT + MINUTE)) == {}


def test_broken_files_stop_only_themselves(make: Make) -> None:
    home = make(one=CHECK, bad="schedule: hourly\ncheck: bad\nsql: select 1 as n\nwarning: n >\n")
    done = home.tick(SLOT - MINUTE, sound=False)
    assert done.ran.reports == ()
    assert states(home.tick(SLOT, sound=False)) == {"one": "ok"}


def test_two_targets_at_once_one_of_them_dead(make: Make, shared: Database) -> None:
    home = make()
    text = (home.path / "runner.yaml").read_text()
    dead = '  dead: {host: /nonexistent, dbname: x, user: y, connect_timeout: "2"}\n'
    (home.path / "runner.yaml").write_text(text.replace("sinks:", f"{dead}sinks:"))
    home.start()
    (report,) = home.tick().ran.reports
    assert {result.target: result.state.value for result in report.results} == {"main": "ok", "dead": "unknown"}


def test_the_stack_of_locks_is_let_go(make: Make) -> None:
    home = make()
    home.start()
    home.tick()
    with ExitStack() as stack:
        stack.enter_context(ProcessLock(home.path / ".runner", "deliveries"))
    assert list((home.path / ".runner" / "ticks").glob("*.lock")) == []
