"""`status` and `run` in every format that is registered, and sinks that are used as runner.yaml says."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from runner.formats.registered import FORMATS
from tests.app.homes import TempHome
from tests.cli.support import runner
from tests.postgres import Database

JOBS = """
title: Tables
schedule: hourly
jobs:
  - check: dead-rows
    key: [schema, table]
    columns: {n: bytes}
    sql: select 'public' as schema, 'orders' as "table", 9 as n
    warning: n > 5
  - {check: never, sql: select 1 as n, warning: n > 5}
"""
SETTINGS = """
allow: [command]
sinks:
  page: {type: atomic_file, path: "{group}.html"}
  metrics: {type: atomic_file, format: prometheus, path: "{group}.prom", values: 1}
  table: {type: log_file, format: csv, header: false, path: table.csv}
  program: {type: command, format: json_lines, run: [/bin/sh, -c, "cat > $OUT"], env: {OUT: program.json}}
"""


@pytest.fixture
def home(tmp_path: Path, database: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", database.options(), {"tables.yaml": JOBS}, SETTINGS)


def test_every_format_writes_what_is_known(home: TempHome) -> None:
    assert runner("run", "dead-rows", home=home.path).code == 1
    assert runner("ack", "dead-rows", "--reason", "known", home=home.path, environ={"USER": "ana"}).code == 0
    said = {item.name: runner("status", "--format", item.name, home=home.path) for item in FORMATS}
    assert {name: item.code for name, item in said.items()} == dict.fromkeys(said, 1)
    assert "acknowledged by ana: known" in said["html"].out
    assert "1 jobs are not run yet (never)" in said["markdown"].out
    assert ET.fromstring(said["junit"].out)[0].get("failures") == "1"
    assert json.loads(said["json_lines"].out)["schema"] == "runner.report/1"
    assert said["json"].json()["schema"] == "runner.status/1"
    labels = 'job_name="dead-rows",target="main",group="status",schema="public",table="orders"'
    assert f"runner_value_n_bytes{{{labels}}} 9\n" in said["prometheus"].out


@pytest.mark.parametrize("command", [["status"], ["run", "dead-rows"]])
def test_a_format_that_does_not_exist(command: list[str], home: TempHome) -> None:
    said = runner(*command, "--format", "htlm", home=home.path)
    assert said.code == 64
    assert "there is no format `htlm`" in said.err
    assert "did you mean `html`?" in said.err


def test_sinks_get_their_format_and_its_options(home: TempHome) -> None:
    runner("run", "dead-rows", home=home.path)
    files = {item.name: item.read_text() for item in home.path.iterdir() if item.is_file()}
    assert "<!doctype html>" in files["tables.html"]
    assert files["tables.prom"].count("\nrunner_value_") == 1
    assert files["table.csv"].count("\n") == 1
    assert json.loads(files["program.json"])["group"] == "tables"


def test_a_command_that_is_not_allowed_is_told_and_refused(home: TempHome) -> None:
    settings = home.path / "runner.yaml"
    settings.write_text(settings.read_text().replace("allow: [command]\n", ""))
    assert "warning[command-not-allowed]: the sink `program` starts a program" in runner("validate", home=home.path).all
    said = runner("run", "dead-rows", home=home.path)
    assert not (home.path / "program.json").exists()
    assert (home.path / "tables.html").exists()
    assert "runner.yaml does not allow that" in said.err
