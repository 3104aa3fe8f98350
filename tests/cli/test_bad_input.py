"""Whatever an operator gets wrong ends in one clear message, and costs no other job its result."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.homes import TempHome
from tests.cli.support import Said, clean, runner
from tests.postgres import Database

GOOD = "schedule: hourly\ncheck: good\nsql: select 1 as n\nwarning: n > 5\n"
DUE = ("run-due", "--now", "2026-03-04T03:00Z")


@pytest.fixture
def home(tmp_path: Path, shared: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", shared.options(), {"good.yaml": GOOD})


def good_ran(home: TempHome) -> None:
    assert [(report["group"], report["state"]) for report in home.logged() if report["group"] == "good"] == [
        ("good", "ok")
    ]


def clear(said: Said, *words: str) -> None:
    for word in words:
        assert word in said.all
    assert "Traceback" not in said.all
    assert "bug in runner" not in said.all


BAD_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "an unknown key": (GOOD + "wanring: n > 5\n", ("bad.yaml:5:1", "did you mean `warning`?")),
    "a key of the wrong type": (GOOD + "timeout: [1]\n", ("bad.yaml:5:10",)),
    "a list where a mapping belongs": ("- 1\n- 2\n", ("bad.yaml:1",)),
    "a text where a mapping belongs": ("hello\n", ("bad.yaml:1",)),
    "not YAML": ("a: [1\nb: }\n", ("bad.yaml:",)),
    "a tab": ("check: x\n\tsql: select 1\n", ("bad.yaml:2",)),
    "bytes that are no text": ("\udcff\udcfe", ("bad.yaml", "UTF-8")),
    "an unknown kind": ("schedule: hourly\nchekc: x\nsql: select 1\n", ("bad.yaml", "did you mean `check`?")),
    "no SQL": ("schedule: hourly\ncheck: x\nwarning: n > 5\n", ("`sql:` or `probe:`",)),
    "a threshold that ends early": (GOOD.replace("n > 5", "n >"), ("bad.yaml:4",)),
    "a threshold of another language": (GOOD.replace("n > 5", "n && 5"), ("bad.yaml:4",)),
    "a column that is not there": (GOOD.replace("n > 5", "m > 5"), ("bad.yaml:4", "no column `m`")),
    "units that do not fit": (GOOD.replace("n > 5", "n > 5GB") + "columns: {n: interval}\n", ("bad.yaml:4",)),
    "a cron line of four fields": (GOOD.replace("hourly", '"0 1 * *"'), ("bad.yaml:1", "five")),
    "a cron line out of range": (GOOD.replace("hourly", '"0 25 * * *"'), ("bad.yaml:1", "25")),
    "a schedule in no language": (GOOD.replace("hourly", "whenever"), ("bad.yaml:1", "whenever")),
    "an unknown time zone": (GOOD + "timezone: Mars/Olympus\n", ("bad.yaml:5", "Mars/Olympus")),
    "a name twice": (GOOD.replace("bad", "good"), ("good",)),
    "a key twice": (GOOD + "warning: n > 6\n", ("bad.yaml:5",)),
    "an unknown catalogue check": ("schedule: hourly\njobs:\n  - use: pg.conections\n", ("pg.connections",)),
    "a parameter that nobody set": (GOOD.replace("1 as n", ":x as n"), ("`x`",)),
    "a template that does not end": (GOOD + 'message: "{{ n"\n', ("bad.yaml:5",)),
    "a template that names nothing": (GOOD + 'message: "{{ m }}"\n', ("no column `m`",)),
    "a missing environment variable": (GOOD + "params: {x: '${NO_SUCH_VARIABLE}'}\n", ("NO_SUCH_VARIABLE", ".env")),
    "a variable with its own message": (GOOD + "params: {x: '${NO_SUCH:?set it in .env}'}\n", ("set it in .env",)),
    "a secret file that is not there": (GOOD + "params: {x: '${file:/nonexistent/word}'}\n", ("/nonexistent/word",)),
    "an unknown probe": ("schedule: hourly\ncheck: x\nprobe: disc\nwarning: used > 5\n", ("disc",)),
    "an unknown window": (GOOD + "window: nightly\n", ("nightly",)),
    "an empty file": ("", ()),
    "a very deep file": ("a: " + "[" * 300 + "]" * 300 + "\n", ("bad.yaml",)),
    "aliases that explode": (
        "x-a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"x-{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        ("bad.yaml",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told_and_the_others_run(home: TempHome, name: str) -> None:
    text, words = BAD_FILES[name]
    job = text if "name twice" in name else text.replace("check: good", "check: bad")
    (home.path / "checks.d" / "bad.yaml").write_bytes(job.encode("utf-8", "surrogateescape"))
    valid = runner("validate", home=home.path)
    clear(valid, *words)
    assert valid.code == (1 if words else 0)
    due = runner(*DUE, home=home.path)
    clear(due, *words)
    assert due.code == (78 if words else 0)
    if "name twice" not in name:
        good_ran(home)
        ran = runner("run", "good", home=home.path)
        clear(ran)
        assert ran.code == 0
    if words and "name twice" not in name:
        broken = runner("run", "bad", home=home.path)
        clear(broken)
        assert broken.code in (64, 78)


def test_a_group_with_a_broken_job_is_not_ok(home: TempHome) -> None:
    jobs = (
        "jobs:\n  - {check: a, sql: select 1 as n, warning: n > 5}\n  - {check: b, sql: select 1 as n, warning: n >}\n"
    )
    home.write("mixed.yaml", jobs)
    said = runner("run", "mixed", home=home.path)
    clear(said, "mixed.yaml:3", "runner validate")
    assert said.code == 78
    nagios = runner("run", "mixed", "--format", "nagios", home=home.path)
    assert nagios.code == 3
    assert runner("run", "b", home=home.path).code == 78


BAD_SQL: dict[str, tuple[str, str]] = {
    "a syntax error": ("selec 1 as n", "syntax error"),
    "an unknown table": ("select n from nowhere", "does not exist"),
    "no permission": ("select 1 as n from pg_authid", "permission denied"),
    "a write": ("select nextval('counter') as n", "read-only"),
    "two statements": ("select 1 as n; select 2 as n", "multiple commands"),
    "an empty text": ("-- n", "no columns"),
    "no such column in the answer": ("select * from (select 1 as m) as x", "n"),
    "a copy": ("copy (select 1 as n) to stdout", "copy"),
    "killing itself": ("select pg_terminate_backend(pg_backend_pid()) as n", "terminating connection"),
    "a division by zero": ("select 1 / 0 as n", "division by zero"),
    "too slow": ("select 1 as n from pg_sleep(60)", "statement_timeout"),
}  # fmt: skip


def test_bad_sql_is_unknown_and_costs_no_other_check_its_result(
    home: TempHome, shared: Database, minimal_role: str
) -> None:
    shared.execute("create sequence counter", f"grant usage on sequence counter to {minimal_role}")
    home.options = shared.options(minimal_role)
    home.settings()
    jobs = [
        {"check": name.replace(" ", "-"), "sql": sql, "warning": "n > 5", "statement_timeout": "1s"}
        for name, (sql, _) in BAD_SQL.items()
    ]
    home.write("bad.yaml", "schedule: hourly\njobs:\n" + "".join(f"  - {json.dumps(job)}\n" for job in jobs))
    said = runner(*DUE, home=home.path)
    clear(said)
    assert said.code == 0, said.err
    good_ran(home)
    (bad,) = [report for report in home.logged() if report["group"] == "bad"]
    found = {result["job"]: result for result in bad["results"]}
    for name, (_, words) in BAD_SQL.items():
        result = found[name.replace(" ", "-")]
        assert result["state"] == "unknown", result
        assert words in result["summary"] + str(result["findings"])
        assert "\n" not in result["summary"]


BAD_SETTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "an unknown key": ("sincs: {}\n", ("runner.yaml:", "did you mean `sinks`?")),
    "an unknown key of a target": ("targets: {main: {hots: x}}\n", ("runner.yaml:", "did you mean `host`?")),
    "a bad dsn": ("targets: {main: {dsn: 'postgresql://[::1'}}\n", ("runner.yaml:", "dsn")),
    "a missing variable": ("targets: {main: {host: '${NO_SUCH_HOST}'}}\n", ("NO_SUCH_HOST", ".env")),
    "an unknown sink type": ("sinks: {a: {type: logfile, path: x}}\n", ("did you mean `log_file`?",)),
    "a sink without its path": ("sinks: {a: {type: log_file}}\n", ("path",)),
    "a route to nowhere": ("routes: [{sinks: [nowhere]}]\n", ("nowhere",)),
    "a bad duration": ("defaults: {statement_timeout: soon}\n", ("soon",)),
    "a bad version": ("version: 99\n", ("99",)),
    "a store of an unknown kind": ("state: oracle:x\n", ("oracle",)),
    "not YAML": ("version: [\n", ("runner.yaml:",)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings_are_told(home: TempHome, name: str) -> None:
    text, words = BAD_SETTINGS[name]
    settings = text if text.startswith("version") else "version: 1\n" + text
    (home.path / "runner.yaml").write_text(settings)
    for call in (["validate"], list(DUE), ["list"]):
        said = runner(*call, home=home.path)
        clear(said, *words)
        if call == ["validate"]:
            assert said.code == 1, said


SERVERS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nobody listens": ({"host": "127.0.0.1", "port": "1"}, ("refused", "DATABASE_PORT")),
    "no socket": ({"host": "/nonexistent"}, ("/nonexistent", "DATABASE_HOST")),
    "an unknown host": ({"host": "no-such-host.invalid"}, ("no-such-host.invalid", "DATABASE_HOST")),
    "an unknown database": ({"dbname": "nowhere"}, ('database "nowhere" does not exist', "DATABASE_NAME")),
    "an unknown role": ({"user": "nobody_at_all"}, ('role "nobody_at_all" does not exist', "DATABASE_USER")),
    "silence": ({"host": "SILENT"}, ("time", "network")),
}  # fmt: skip


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_cannot_be_reached_is_told_with_advice(home: TempHome, name: str) -> None:
    changes, words = SERVERS[name]
    home.write("host.yaml", "schedule: hourly\ncheck: host\nprobe: runs\nwarning: runs < 0\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        if changes.get("host") == "SILENT":
            changes = {"host": "127.0.0.1", "port": str(silent.getsockname()[1])}
        home.options = {**home.options, **changes}
        home.settings()
        text = (home.path / "runner.yaml").read_text().replace('"connect_timeout": "5"', '"connect_timeout": "2"')
        (home.path / "runner.yaml").write_text(text)
        run = runner("run", "good", home=home.path)
        clear(run, *words)
        assert run.code == 3
        due = runner(*DUE, home=home.path)
    clear(due, *words)
    assert due.code == 0
    assert {report["group"]: report["state"] for report in home.logged()}["host"] == "ok"


def test_files_that_cannot_be_read(home: TempHome) -> None:
    (home.path / "checks.d" / "folder.yaml").mkdir()
    (home.path / "checks.d" / "dangling.yaml").symlink_to("/nonexistent/job.yaml")
    os.mkfifo(home.path / "checks.d" / "pipe.yaml")
    (home.path / ".env").mkdir()
    for call in (["validate"], list(DUE)):
        said = runner(*call, home=home.path)
        clear(said, "dangling.yaml", "pipe.yaml")
        assert said.code != 0
    good_ran(home)


def test_a_file_without_the_right_to_read_it(home: TempHome) -> None:
    secret = home.path / "checks.d" / "secret.yaml"
    secret.write_text(GOOD.replace("good", "secret"))
    secret.chmod(0)
    if os.geteuid() == 0:
        # Root may read everything, so for root nothing is wrong with the file.
        assert runner("validate", home=home.path).code == 0
    else:
        clear(runner("validate", home=home.path), "secret.yaml")
        assert runner(*DUE, home=home.path).code == 78
        good_ran(home)
    assert stat.S_IMODE(secret.stat().st_mode) == 0


@pytest.mark.parametrize("how", ["missing folder", "folder in its place", "a file as folder", "full disk"])
def test_a_log_that_cannot_be_written(home: TempHome, how: str) -> None:
    runner("run-due", "--now", "2026-03-04T02:55Z", home=home.path)
    if how == "missing folder":
        home.log.parent.rmdir()
    elif how == "folder in its place":
        home.log.mkdir()
    elif how == "a file as folder":
        home.log.parent.rmdir()
        home.log.parent.write_text("")
    else:
        home.log.symlink_to("/dev/full")
    said = runner(*DUE, home=home.path)
    clear(said, "sink log", "help: ")
    assert said.code == 0
    assert "good" in said.out
    assert home.runs("good") == [("good", "done", 1)]
    if home.log.is_symlink():
        home.log.unlink()
    elif home.log.is_dir():
        home.log.rmdir()
    elif home.log.parent.is_file():
        home.log.parent.unlink()
    home.log.parent.mkdir(exist_ok=True)
    later = runner("run-due", "--now", "2026-03-04T03:40Z", home=home.path)
    assert (later.code, later.err) == (0, "")
    good_ran(home)


PLUGINS = {
    "does not compile": "def broken(:\n",
    "fails on import": "raise RuntimeError('no')\n",
    "exits on import": "raise SystemExit(3)\n",
    "an unknown hook": "from runner.api import hookimpl\n@hookimpl\ndef runner_do_things(): pass\n",
    "returns nonsense": "from runner.api import hookimpl\n@hookimpl\ndef runner_register_sinks(): return [1]\n",
}  # fmt: skip


@pytest.mark.parametrize("name", PLUGINS)
def test_a_bad_plugin_is_told_and_the_jobs_run(home: TempHome, name: str) -> None:
    home.write("bad.py", PLUGINS[name])
    said = runner(*DUE, home=home.path)
    clear(said, "plugin bad")
    assert said.code == 0
    good_ran(home)
    assert runner("run", "good", "--no-deliver", home=home.path).code == 0


def test_a_home_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file",):
        said = runner("list", home=path)
        clear(said, "not a folder")
        assert said.code == 78


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["list"], ["validate", "--json"], ["plan"], ["--help"], ["run", "good", "--json"]])
def test_a_full_disk_behind_the_output_is_told(home: TempHome, words: list[str]) -> None:
    command = [sys.executable, "-m", "runner", "--home", str(home.path), *words]
    with open("/dev/full", "w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=clean({}), check=False)
    assert ran.returncode == 4
    assert ran.stderr.startswith("runner: the output cannot be written: No space left on device\n")
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@pytest.mark.parametrize(("text", "code", "said"), [
    ("check: broken\nsql: select 1 as x\nwarning: y >\n", 78, "`mine` cannot be used: it has errors"),
    ("# nothing yet\n", 64, "the group `mine` has no jobs"),
])  # fmt: skip
def test_a_group_of_which_nothing_can_run(home: TempHome, text: str, code: int, said: str) -> None:
    (home.path / "checks.d" / "mine.yaml").write_text(text)
    ran = runner("run", "mine", home=home.path)
    assert ran.code == code
    assert f"runner: {said}\n" in ran.err
