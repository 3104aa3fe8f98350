"""Every command: its exit code, its two streams, its JSON, and what it says to wrong words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS
from runner.clock import ShiftedClock
from tests.app.homes import TempHome
from tests.cli.support import Said, clean, process, runner
from tests.postgres import Database, eventually

JOBS = """
title: Levels
schedule: hourly
tags: [level]
jobs:
  - {check: fine, sql: select 1 as n, warning: n > 5}
  - check: level
    params: {n: 1}
    sql: select cast(:n as int) as n
    columns: {n: count}
    warning: n > 5
    critical: n > 50
    tests:
      - {rows: [{n: 1}], expect: ok}
      - {rows: [{n: 9}], expect: warning}
  - {check: blind, sql: select 1 / 0 as n, warning: n > 5, tags: [blind]}
"""
OTHER = "schedule: daily at 01:30\ncheck: other\nsql: select 2 as n\nwarning: n > 5\n"
ELSEWHERE = "check: elsewhere\ntargets: {labels: {env: nowhere}}\nsql: select 2 as n\nwarning: n > 5\n"


@pytest.fixture
def home(tmp_path: Path, shared: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", shared.options(), {"levels.yaml": JOBS, "other.yaml": OTHER})


# ---- exit codes


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["fine"], 0), (["level"], 0), (["level", "--param", "n=9"], 1), (["level", "--param", "n=99"], 2), (["blind"], 3),
        (["fine", "level", "--param", "n=9"], 1), (["levels"], 3), (["levels", "--param", "n=99"], 2),
        (["tag:blind"], 3), (["fine", "--dry-run"], 0), (["levels", "--no-deliver", "--format", "nagios"], 3),
    ],
)  # fmt: skip
def test_run_exits_like_a_monitoring_plugin(home: TempHome, words: list[str], code: int) -> None:
    said = runner("run", *words, home=home.path)
    assert said.code == code
    assert said.err == ""
    assert said.out


def test_runs_asked_for_at_the_same_instant_are_all_run(home: TempHome, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(ShiftedClock):
        def now(self) -> datetime:
            return self._start

    monkeypatch.setattr("runner.cli.clocks.ShiftedClock", Stopped)
    for _ in range(3):
        said = runner("run", "fine", "--json", "--now", "2026-03-04T03:00Z", home=home.path)
        assert [result["state"] for result in said.json()["results"]] == ["ok"]
    assert [run[1] for run in home.runs("fine")] == ["done"] * 3


def test_status_exits_like_a_monitoring_plugin(home: TempHome) -> None:
    assert runner("status", home=home.path).code == 3
    assert "no job has run yet" in runner("status", "--format", "nagios", home=home.path).out
    for words, code in [(["fine"], 0), (["level", "--param", "n=9"], 1), (["level", "--param", "n=99"], 2)]:
        runner("run", *words, home=home.path)
        for shape in (["--format", "nagios"], ["--json"], ["--all"], []):
            assert runner("status", *shape, home=home.path).code == code
    runner("run", "blind", home=home.path)
    said = runner("status", "--format", "nagios", home=home.path)
    assert (said.code, said.out.startswith("CRITICAL - ")) == (2, True)
    assert len(said.out.splitlines()) == 1


def test_a_cron_that_stopped_calling_is_unknown(home: TempHome) -> None:
    for minute in ("02:55", "03:00"):
        runner("run-due", "--now", f"2026-03-04T{minute}Z", home=home.path)
    runner("run", "fine", "level", "other", "blind", home=home.path)
    (home.path / "checks.d" / "levels.yaml").write_text(JOBS.replace("1 / 0", "1"))
    runner("run", "blind", home=home.path)
    well = runner("status", "--now", "2026-03-04T03:30Z", home=home.path)
    assert (well.code, "overdue" in well.out) == (0, False)
    late = runner("status", "--now", "2026-03-04T04:30Z", home=home.path)
    assert (late.code, "nobody calls run-due" in late.out) == (3, True)
    assert runner("status", "--now", "2026-03-04T04:30Z", "--json", home=home.path).json()["overdue"]


def test_run_due_exits_0_whatever_it_found(home: TempHome) -> None:
    runner("run-due", "--now", "2026-03-04T02:55Z", home=home.path)
    said = runner("run-due", "--now", "2026-03-04T03:00Z", home=home.path)
    assert (said.code, said.err) == (0, "")
    assert "blind" in said.out
    assert runner("run-due", "--now", "2026-03-04T04:00Z", "--exit-state", home=home.path).code == 3


def test_run_due_says_nothing_when_nothing_is_due(home: TempHome) -> None:
    for minute in ("02:55", "02:56", "02:57"):
        assert runner("run-due", "--now", f"2026-03-04T{minute}Z", home=home.path) == Said(0, "", "")


def test_run_due_exits_4_when_a_run_could_not_be_recorded(home: TempHome) -> None:
    (home.path / ".runner" / "state.db").mkdir(parents=True)
    said = runner("run-due", "--now", "2026-03-04T03:00Z", home=home.path)
    assert said.code == 4
    assert "fine" in said.out
    assert "store" in said.err
    assert "Traceback" not in said.all
    for command in (["status"], ["history"], ["plan"]):
        refused = runner(*command, home=home.path)
        assert (refused.code, refused.out) == (4, "")
        assert "help: " in refused.err


def test_run_due_exits_4_when_a_delivery_is_given_up(home: TempHome) -> None:
    home.log.parent.rmdir()
    runner("run-due", "--now", "2026-03-04T02:55Z", home=home.path)
    first = runner("run-due", "--now", "2026-03-04T03:00Z", home=home.path)
    assert first.code == 0
    assert "does not exist" in first.err
    codes = [runner("run-due", "--now", f"2026-03-0{day}T03:50Z", home=home.path).code for day in (5, 6)]
    assert 4 in codes


def test_validate_and_test_exit_0_and_1(home: TempHome) -> None:
    assert runner("validate", home=home.path).code == 0
    assert runner("test", home=home.path).code == 0
    assert runner("test", "level", home=home.path).out == "2 passed, 0 failed\n"
    home.write("levels.yaml", JOBS.replace("expect: warning", "expect: critical"))
    failed = runner("test", home=home.path)
    assert failed.code == 1
    assert "expected critical" in failed.out
    home.write("levels.yaml", JOBS.replace("warning: n > 5", "warning: n >", 1))
    broken = runner("validate", home=home.path)
    assert broken.code == 1
    assert "levels.yaml:" in broken.err
    assert runner("test", home=home.path).code == 1


def test_doctor_exits_0_and_1(home: TempHome, shared: Database) -> None:
    said = runner("doctor", home=home.path)
    assert said.code == 1
    assert "run-due was never called" in said.out
    runner("run-due", home=home.path)
    assert runner("doctor", home=home.path).code == 0
    home.options = {**shared.options(), "host": "/nonexistent"}
    home.settings()
    dead = runner("doctor", home=home.path)
    assert (dead.code, "cannot connect" in dead.out) == (1, True)
    assert runner("doctor", "--offline", home=home.path).code == 0


# ---- wrong words

USAGE = {
    "an unknown command": (["stauts"], "Did you mean `runner status`?"),
    "no command like it": (["xyzzy"], "there is no command `xyzzy`"),
    "an unknown option": (["status", "--al"], "--al"),
    "an unknown job": (["run", "levle"], "did you mean `level"),
    "a job unlike any": (["run", "xyzzy"], "runner list"),
    "an unknown target": (["run", "fine", "--target", "mian"], "did you mean `main`?"),
    "an unknown parameter": (["run", "level", "--param", "m=1"], "there are: n"),
    "a parameter without a value": (["run", "level", "--param", "n"], "--param name=value"),
    "no name": (["run"], "NAME"),
    "an unknown tag": (["run", "tag:levle"], "tag:levle"),
    "an unknown format": (["run", "fine", "--format", "jsno"], "jsno"),
    "an unknown time": (["plan", "--at", "yesterday"], "yesterday"),
    "an unknown time for the clock": (["run-due", "--now", "25:00"], "25:00"),
    "an unknown span": (["history", "--since", "long"], "long"),
    "an unknown limit": (["history", "--limit", "many"], "many"),
    "history of nobody": (["history", "levle"], "did you mean"),
    "show nobody": (["show", "levle"], "did you mean"),
    "test nobody": (["test", "levle"], "did you mean"),
    "schema of nothing": (["schema", "jobs"], "jobs"),
    "an unknown sink": (["sinks", "test", "lgo"], "log"),
    "a job without a target": (["run", "elsewhere"], "nothing runs on any target"),
    "no sub-command": (["plugins", "lst"], "lst"),
    "an unknown group": (["run-due", "--group", "levles"], "did you mean `levels`?"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_words_exit_64_with_one_message(home: TempHome, name: str) -> None:
    words, hint = USAGE[name]
    home.write("elsewhere.yaml", ELSEWHERE)
    said = runner(*words, home=home.path)
    assert (said.code, said.out) == (64, "")
    assert hint in said.err
    assert said.err.startswith("runner: ")
    assert len(said.err.splitlines()) <= 2
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words", [["run", "levle"], ["run", "fine", "--target", "x"], ["run", "fine", "--param", "x=1"]]
)
def test_with_nagios_wrong_words_are_unknown(home: TempHome, words: list[str]) -> None:
    said = runner(*words, "--format", "nagios", home=home.path)
    assert said.code == 3
    assert said.out.startswith("UNKNOWN - ")
    assert len(said.out.splitlines()) == 1


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_is_there_with_an_example(words: list[str]) -> None:
    said = runner(*words)
    assert (said.code, said.err) == (0, "")
    assert "Usage: runner" in said.out
    subcommands = "Commands:" in said.out
    assert subcommands or "Example" in said.out or words == ["--help"]


def test_the_version() -> None:
    assert runner("--version").out.startswith("runner, version ")


# ---- streams

PRINTS = [
    ["validate"], ["list"], ["show", "level"], ["show", "levels"], ["plan"], ["plan", "--at", "2026-03-04T03:00Z"],
    ["run", "fine"], ["run", "levels"], ["run", "fine", "other"], ["run", "fine", "--dry-run"], ["status"], ["history"],
    ["history", "fine"], ["test"], ["doctor", "--offline"], ["plugins", "list"], ["sinks", "list"],
]  # fmt: skip


@pytest.mark.parametrize("words", PRINTS, ids=" ".join)
def test_json_is_one_document_and_nothing_else(home: TempHome, words: list[str]) -> None:
    runner("run", "fine", home=home.path)
    said = runner(*words, "--json", home=home.path)
    assert said.err == ""
    document = said.json()
    assert str(document["schema"]).startswith("runner.")
    assert said.code == runner(*words, home=home.path).code


@pytest.mark.parametrize("which", ["checks", "runner"])
def test_the_schemas_are_json(home: TempHome, which: str) -> None:
    assert runner("schema", which, home=home.path).json()["$schema"]


@pytest.mark.parametrize("words", PRINTS, ids=" ".join)
def test_colour_only_when_it_is_wanted(home: TempHome, words: list[str]) -> None:
    runner("run", "fine", home=home.path)
    plain = runner(*words, home=home.path)
    assert "\x1b" not in plain.all
    assert "\x1b" not in runner(*words, home=home.path, environ={"FORCE_COLOR": "1", "NO_COLOR": "1"}).all
    assert "\x1b" not in runner(*words, "--json", home=home.path, environ={"FORCE_COLOR": "1"}).out


def test_colour_when_it_is_forced(home: TempHome) -> None:
    assert "\x1b[" in runner("status", home=home.path, environ={"FORCE_COLOR": "1"}).out


def test_results_on_one_stream_and_messages_on_the_other(home: TempHome) -> None:
    home.write("broken.yaml", "check: broken\nsql: select 1 as n\nwarning: n >\n")
    for words in (["list"], ["run", "fine", "--json"], ["plan", "--json"], ["status", "--json"]):
        said = runner(*words, home=home.path)
        assert "broken.yaml" in said.err
        assert "broken.yaml" not in said.out
        if "--json" in words:
            said.json()


@pytest.mark.parametrize("words", [["list"], ["schema", "checks"], ["run", "levels"]])
def test_a_reader_that_goes_away_is_no_error(home: TempHome, words: list[str]) -> None:
    command = [sys.executable, "-m", "runner", "--home", str(home.path), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean({})) as gone:
        assert gone.stdout is not None
        gone.stdout.close()
        assert gone.stderr is not None
        said = gone.stderr.read().decode()
    assert said == ""
    assert gone.returncode in (0, 1)


def test_no_home_here(tmp_path: Path) -> None:
    if Path("/etc/runner").is_dir():
        pytest.fail("this machine has a home in /etc/runner: the test cannot tell")
    said = process("list", cwd=tmp_path)
    assert (said.code, said.out) == (78, "")
    assert "runner init" in said.err
    nagios = process("status", "--format", "nagios", cwd=tmp_path)
    assert (nagios.code, nagios.out.startswith("UNKNOWN - ")) == (3, True)


def test_init_makes_a_home_that_is_valid(tmp_path: Path) -> None:
    said = runner("init", tmp_path / "new")
    assert said.code == 0
    assert runner("validate", home=tmp_path / "new").code == 0
    again = runner("init", tmp_path / "new")
    assert "kept" in again.out
    assert "wrote" not in again.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_with_their_own_code(home: TempHome, shared: Database, number: int, code: int) -> None:
    home.write("slow.yaml", "check: slow\nsql: select 1 as n from pg_sleep(60)\nwarning: n > 5\n")
    words = [sys.executable, "-m", "runner", "--home", str(home.path), "run", "slow"]
    look = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
    look += " and state = 'active' and datname = current_database()"
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean({})) as slow:
        eventually(lambda: shared.value(look) == 1, what="the slow query")
        os.kill(slow.pid, number)
        said = slow.communicate(timeout=20)[1].decode()
    assert slow.returncode == code
    assert "Traceback" not in said
    eventually(lambda: shared.value(look) == 0, what="the end of the slow query")
    assert home.runs("slow")[0][1] == "done"


def test_a_bug_names_a_crash_file(home: TempHome, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in the list")

    monkeypatch.setattr("runner.cli.commands.list.load_sound", bug)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = runner("list", home=home.path)
    assert (said.code, said.out) == (70, "")
    assert "this is a bug in runner (ZeroDivisionError)" in said.err
    (crash,) = tmp_path.glob("runner-crash-*.txt")
    assert str(crash) in said.err
    assert "in the list" in crash.read_text()
    assert crash.stat().st_mode & 0o077 == 0


def test_history_tells_what_happened(home: TempHome) -> None:
    runner("run", "fine", home=home.path)
    runner("run", "blind", home=home.path)
    assert [run["job"] for run in runner("history", "--json", home=home.path).json()["runs"]] == ["blind", "fine"]
    only = runner("history", "levels", "--limit", "1", "--json", home=home.path).json()["runs"]
    assert [run["job"] for run in only] == ["blind"]
    assert json.dumps(only).count("division by zero") >= 1
    assert runner("history", "other", home=home.path).out == "no runs yet\n"


def test_show_says_where_values_come_from(home: TempHome) -> None:
    said = runner("show", "level", "--origin", home=home.path)
    assert "levels.yaml:" in said.out
    assert "(built in)" in said.out


def test_dry_run_runs_nothing_and_shows_the_sql(home: TempHome) -> None:
    said = runner("run", "level", "--dry-run", "--param", "n=7", home=home.path)
    assert "select cast($1 as int) as n" in said.out
    assert "-- $1 = 7" in said.out
    assert not (home.path / ".runner" / "state.db").exists()
