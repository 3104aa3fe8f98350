"""Targets that stand elsewhere, through the command line: files, programs, queries on a real server, a plugin."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from runner import gate
from runner.testing.home import RunnerHome
from runner.version import VERSION
from tests.postgres import Database

SECRET = "pa55-of-the-fleet"


@pytest.fixture
def home(tmp_path: Path) -> RunnerHome:
    return RunnerHome(tmp_path / "home")


def targets(home: RunnerHome, *words: str) -> dict[str, Any]:
    return {item["name"]: item for item in home.runner("targets", "--json", *words).json()["targets"]}


def program(home: RunnerHome, text: str) -> None:
    home.write("list-targets", f"#!/bin/sh\n{text}\n").chmod(0o755)


def by_program(home: RunnerHome, more: str = "", allow: str = "allow: [command]") -> None:
    home.write("runner.yaml", f"{allow}\ntargets_from:\n  - command: [./list-targets]\n    refresh: 1h\n{more}")


LISTS = {
    "targets.yaml": "- name: a\n  host: h\n  labels: {env: prod}\n- {name: b, host: i}\n",
    "targets.yml": "targets:\n  a: {host: h, labels: {env: prod}}\n  b: {host: i}\n",
    "targets.json": '[{"name": "a", "host": "h", "labels": {"env": "prod"}}, {"name": "b", "host": "i"}]',
    "named.json": '{"a": {"host": "h", "label_env": "prod"}, "b": {"host": "i"}}',
    "targets.csv": "name,host,label_env\na,h,prod\nb,i,\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_file(home: RunnerHome, name: str) -> None:
    home.write(name, LISTS[name])
    home.write(
        "runner.yaml",
        f"targets_from:\n  - file: {name}\n    defaults: {{user: u, dbname: d}}\n    labels: {{net: x}}\n",
    )
    found = targets(home)
    assert {key: (item["address"], item["labels"]) for key, item in found.items()} == {
        "a": ("h/d", {"env": "prod", "net": "x"}),
        "b": ("i/d", {"net": "x"}),
    }
    assert {item["source"] for item in found.values()} == {f"file {name}"}
    assert home.runner("validate").code == 0


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.yaml", "- name: a\n  host: h\n- name: a\n  host: i\n", "t.yaml:3:3: the target `a` is there already (t.yaml:1:3)"),
        ("t.yaml", "a: {host: h}\na: {host: i}\n", "t.yaml:2:1: `a` is set twice"),
        ("t.yaml", "- host: h\n", "t.yaml:1:3: it has no name"),
        ("t.yaml", "- just text\n", "t.yaml:1:3: this is no target"),
        ("t.yaml", "a: [\n", "t.yaml:"),
        ("t.yaml", "", "t.yaml is empty"),
        ("t.json", '{"a": {"host": "h"}, "a": {"host": "i"}}', "t.json:1:22: `a` is set twice"),
        ("t.json", '["a"]', "no list of targets"),
        ("t.csv", "name,host\na,h\nb\n", "t.csv:3 has not as many cells"),
        ("t.csv", "host,port\nh,1\n", "t.csv:1 has no column `name`"),
        ("t.csv", "name,host,host\na,b,c\n", "t.csv:1 has the column `host` twice"),
        ("t.csv", 'name,host\n"a,h\n', "is not CSV"),
        ("t.csv", "name,host\n", "names no target at all"),
        ("none.yaml", None, "none.yaml cannot be read: No such file or directory"),
        (".", None, "Is a directory"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong(home: RunnerHome, name: str, text: str | None, told: str) -> None:
    if text is not None:
        home.write(name, text)
    home.write("runner.yaml", f"targets_from: [{{file: '{name}'}}]\n")
    called = home.runner("validate")
    assert called.code == 0, "its last known targets are used, so this is a warning"
    assert "warning[target-source]" in called.err
    assert told in called.err
    assert home.runner("run-due").code == 4
    assert told in home.runner("doctor", "--offline").out


def test_a_pipe_in_place_of_the_file_holds_nobody_up(home: RunnerHome) -> None:
    os.mkfifo(home.path / "t.yaml")
    home.write("runner.yaml", "targets_from: [{file: t.yaml}]\n")
    assert "is not a regular file" in home.runner("targets").err


def test_a_file_is_read_when_it_changes_and_the_quiet_gate_sees_it(home: RunnerHome) -> None:
    home.write("t.csv", "name,host\na,h\n")
    home.write("runner.yaml", "targets_from: [{file: t.csv}]\n")
    assert home.runner("run-due").code == 0, "it makes the state folder, which changes the home"
    for path in (home.path, home.path / "checks.d", home.path / "runner.yaml", home.path / "t.csv"):
        os.utime(path, (1e9, 1e9))
    assert home.runner("run-due").code == 0
    assert gate.is_closed(str(home.path), VERSION, time.time())
    home.write("t.csv", "name,host\na,h\nb,i\n")
    assert not gate.is_closed(str(home.path), VERSION, time.time())
    assert set(targets(home)) == {"a", "b"}


def test_a_program(home: RunnerHome) -> None:
    program(home, f"echo '- {{name: a, host: h, password: {SECRET}}}'; echo 'a note' >&2")
    by_program(home)
    assert "was not asked yet" in home.runner("validate").err
    assert targets(home) == {}
    assert set(targets(home, "--refresh")) == {"a"}
    program(home, "echo '[]'")
    assert set(targets(home)) == {"a"}, "it is not asked by commands that ask no server"
    kept = home.path / ".runner" / "targets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert SECRET not in home.runner("targets").all + home.runner("targets", "--json").all


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("echo oh no >&2; exit 3", "failed with exit code 3: oh no"),
        ("echo '[]'", "names no target at all"),
        ("sleep 60", "had not ended after 0.3 s"),
        ("exec >&-; sleep 60", "had not ended after 0.3 s"),
        ("head -c 17000000 /dev/zero", "prints more than 16 MB"),
        (r"printf '\377'", "is not UTF-8 text"),
        ("echo '{'", "list-targets:"),
    ],
)
def test_a_program_that_fails_takes_no_target_away(home: RunnerHome, text: str, told: str) -> None:
    program(home, 'echo \'{"a": {"host": "h"}}\'')
    by_program(home, "    timeout: 0.3s\n" if "sleep" in text else "")
    assert set(targets(home, "--refresh")) == {"a"}
    program(home, text)
    called = home.runner("targets", "--refresh")
    assert (called.code, "1 target known at" in called.err) == (1, True)
    assert told in called.err
    assert set(targets(home)) == {"a"}
    assert home.runner("run-due").code == 4, "the exit code tells it until the source can be read again"


def test_a_program_leaves_nobody_behind(home: RunnerHome) -> None:
    program(home, 'sleep 300 & echo $! > pid; echo \'{"a": {"host": "h"}}\'')
    by_program(home)
    assert set(targets(home, "--refresh")) == {"a"}
    status = Path(f"/proc/{(home.path / 'pid').read_text().strip()}/stat")
    assert not status.exists() or status.read_text().split()[2] == "Z"


def test_a_program_that_nobody_allowed(home: RunnerHome) -> None:
    program(home, "touch ran")
    by_program(home, allow="version: 1")
    assert "add `allow: [command]`" in home.runner("validate").err
    home.runner("targets", "--refresh")
    assert not (home.path / "ran").exists()


def test_no_target_at_all_may_be_an_answer(home: RunnerHome) -> None:
    program(home, "echo '[]'")
    by_program(home, "    may_be_empty: true\n")
    assert home.runner("targets", "--refresh").code == 0


def test_references_in_what_a_source_says_are_not_replaced(home: RunnerHome) -> None:
    home.write(".env", f"FLEET_PASSWORD={SECRET}\n")
    home.write("t.yaml", "- {name: a, host: '${FLEET_PASSWORD}'}\n")
    home.write("runner.yaml", "targets_from: [{file: t.yaml, defaults: {password: '${FLEET_PASSWORD}'}}]\n")
    assert targets(home)["a"]["address"] == "${FLEET_PASSWORD}/"
    home.runner("run-due")
    assert SECRET not in (home.path / ".runner" / "targets.json").read_text()


def test_the_names_of_runner_yaml_come_first(home: RunnerHome) -> None:
    home.write("t.yaml", "- {name: a, host: elsewhere}\n")
    home.write("u.yaml", "- {name: b, host: first}\n")
    home.write("v.yaml", "- {name: b, host: second}\n")
    files = "[{file: t.yaml}, {file: u.yaml}, {file: v.yaml, name: other}]"
    home.write("runner.yaml", f"targets: {{a: {{host: here}}}}\ntargets_from: {files}\n")
    assert {name: item["address"] for name, item in targets(home).items()} == {"a": "here/", "b": "first/"}
    told = home.runner("validate").err
    assert "the target `a` is there already (runner.yaml)" in told
    assert "`other`: v.yaml:1:3: the target `b` is there already (the source `file u.yaml`)" in told


def test_a_target_that_is_named_and_gone_breaks_no_job(home: RunnerHome) -> None:
    home.write("t.yaml", "- {name: a, host: h}\n")
    home.write("runner.yaml", "targets_from: [{file: t.yaml}]\n")
    home.write("checks.d/own.yaml", "check: one\nsql: select 1 as n\nwarning: n > 1\ntargets: [a, b]\n")
    called = home.runner("validate")
    assert called.code == 0
    assert "warning[unknown-target]: there is no target `b`" in called.err


def test_a_query(home: RunnerHome, database: Database) -> None:
    database.execute(
        "create table servers (name text, host text, port int, env text, labels jsonb)",
        "insert into servers select 'db' || i, 'h' || i, 5432, 'prod', '{\"rack\": 7}' from generate_series(1, 3) i",
    )
    inventory = json.dumps(database.options())
    home.write(
        "runner.yaml",
        f"""\
        targets: {{inventory: {inventory}}}
        targets_from:
          - sql: select name, host, port, labels, env as label_env from servers
            on: inventory
            defaults: {{user: fleet, password: {SECRET}}}
        """,
    )
    assert home.runner("run-due").code == 0, "a tick asks it"
    found = targets(home, "--label", "env=prod")
    assert {name: item["labels"] for name, item in found.items()} == {
        f"db{number}": {"rack": "7", "env": "prod"} for number in (1, 2, 3)
    }
    database.execute("delete from servers where name = 'db2'")
    assert set(targets(home, "--refresh", "--source", "sql on inventory")) == {"db1", "db3"}
    [source] = home.runner("targets", "--json").json()["sources"]
    assert [item["targets"] for item in source["gone"]] == [["db2"]]
    database.execute("drop table servers")
    called = home.runner("targets", "--refresh")
    assert 'relation "servers" does not exist' in called.err
    assert set(targets(home)) == {"inventory", "db1", "db3"}


def test_a_target_that_is_gone_is_told_once_and_back_again_is_not_gone(home: RunnerHome) -> None:
    home.write("t.csv", "name,host\na,h\nb,i\nc,j\n")
    home.write("runner.yaml", "targets_from: [{file: t.csv}]\n")
    home.write("checks.d/own.yaml", "check: self\nuse: runner.self\nschedule: hourly\n")
    assert home.runner("run", "self", "--no-deliver").code == 0
    home.write("t.csv", "name,host\nb,i\n")
    told = home.runner("run", "self", "--no-deliver")
    assert told.code == 1
    assert "a, c: gone from file t.csv, no job runs there any more" in told.out
    home.write("t.csv", "name,host\na,h\nb,i\nc,j\n")
    assert home.runner("run", "self", "--no-deliver").code == 0


PLUGIN = """\
from runner.api import API_VERSION, TargetRow, TargetSourceType, hookimpl

__runner_api__ = API_VERSION


def read(options, context):
    if options["count"] < 0:
        raise ValueError("no such count")
    return [TargetRow(values={"name": f"t{n}", "host": "h"}, where=f"answer {n}") for n in range(options["count"])]


@hookimpl
def runner_register_target_sources():
    options = {"count": {"type": "integer", "description": "How many.", "examples": [2]}}
    return [TargetSourceType(type="acme.cmdb", summary="The CMDB", read=read, options=options, required=("count",))]
"""


def test_a_plugin(home: RunnerHome) -> None:
    home.write("plugins/acme.py", PLUGIN)
    home.write("runner.yaml", "targets_from: [{type: acme.cmdb, count: 2}]\n")
    assert set(targets(home, "--refresh")) == {"t0", "t1"}
    home.write("runner.yaml", "targets_from: [{type: acme.cmdb, count: -1}]\n")
    called = home.runner("targets", "--refresh")
    assert "its reader failed: ValueError: no such count" in called.err
    assert set(targets(home)) == {"t0", "t1"}
    home.write("runner.yaml", "targets_from: [{type: acme.cmdb}]\n")
    assert "`count`" in home.runner("validate").err
