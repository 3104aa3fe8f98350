"""`ack`, `silence`, `unsilence`, and how `status` and reports show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.homes import HOUR, SLOT, TempHome
from tests.cli.support import Said, runner
from tests.postgres import Database

JOB = """
title: Tables
schedule: hourly
jobs:
  - check: dead-rows
    key: [name]
    columns: {n: count}
    sql: select name, n from watched
    warning: n > 5
    critical: n > 50
    message: "{{ name }} has {{ n }}"
  - {check: fine, sql: select 1 as n, warning: n > 5}
"""
PAGER = "sinks:\n  pager: {type: log_file, path: pager.log, format: json_lines, send: [problems, recovered]}\n"
ANA = {"USER": "root", "SUDO_USER": "ana"}


@pytest.fixture
def home(tmp_path: Path, database: Database) -> TempHome:
    database.execute(
        "create table watched (name text, n int)", "insert into watched values ('orders', 9), ('items', 1)"
    )
    made = TempHome.make(tmp_path / "home", database.options(), {"tables.yaml": JOB}, PAGER)
    made.start()
    return made


@pytest.fixture
def watched(home: TempHome, database: Database) -> Database:
    return database


def at(hours: float) -> str:
    return (SLOT + hours * HOUR).isoformat()


def said(home: TempHome, *words: str, hours: float = 0.5) -> Said:
    return runner(*words, "--now", at(hours), home=home.path, environ=ANA)


def told(home: TempHome, hours: float) -> list[tuple[str, ...]]:
    """What the pager is told by the tick at this hour: changes, or else the problems that it is sent."""
    log = home.path / "pager.log"
    before = len(log.read_text().splitlines()) if log.exists() else 0
    home.tick(SLOT + hours * HOUR)
    lines = log.read_text().splitlines()[before:] if log.exists() else []
    results = [result for line in lines for result in json.loads(line)["results"]]
    changes = [(item["change"], *item["row"]) for result in results for item in result["transitions"]]
    return changes or [(item["state"], *item["row"]) for result in results for item in result["findings"]]


def test_a_silence_and_what_comes_after_it(home: TempHome, watched: Database) -> None:
    made = said(home, "silence", "dead-*", "--for", "2h", "--reason", "bulk load", hours=-0.5)
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("s1: silent until 2026-03-04 04:30 UTC")
    assert [told(home, 0), told(home, 1)] == [[], []]
    assert told(home, 2) == [("warning", "orders")], "it is still there, and told once"
    assert told(home, 3) == []
    watched.execute("update watched set n = 0")
    assert told(home, 4) == [("recovered", "orders")]


def test_what_begins_and_ends_in_a_silence_is_told_to_nobody(home: TempHome, watched: Database) -> None:
    said(home, "silence", "dead-rows", "--until", "2026-03-04", "--reason", "bulk load", hours=-0.5)
    first = told(home, 0)
    watched.execute("update watched set n = 0")
    said(home, "unsilence", "s1", hours=1.5)
    assert [first, told(home, 2), told(home, 3)] == [[], [], []]


def test_rows_and_targets_of_a_silence(home: TempHome, watched: Database) -> None:
    watched.execute("update watched set n = 99")
    words = ("silence", "dead-rows", "--for", "2h", "--reason", "x", "--key", "ord*", "--target", "ma*")
    assert said(home, *words, hours=-0.5).code == 0
    assert told(home, 0) == [("opened", "items")]


def test_an_acknowledged_problem_makes_no_reminders_until_it_changes(home: TempHome, watched: Database) -> None:
    assert told(home, 0) == [("opened", "orders")]
    done = said(home, "ack", "dead-rows@main", "--key", "orders", "--reason", "vacuum is planned")
    assert done.code == 0
    assert done.out == (
        "1 problem acknowledged:\n  dead-rows@main orders  warning\nNo reminders until a change of state.\n"
    )
    assert [told(home, hour) for hour in (5, 6, 7, 12)] == [[], [], [], []]
    watched.execute("update watched set n = 99 where name = 'orders'")
    assert told(home, 13) == [("worsened", "orders")]
    assert said(home, "ack", "--list", hours=13).out == "nothing is acknowledged\n"
    watched.execute("update watched set n = 0 where name = 'orders'")
    assert told(home, 14) == [("recovered", "orders")]


def test_an_acknowledgement_can_have_an_end_and_be_taken_back(home: TempHome) -> None:
    told(home, 0)
    said(home, "ack", "dead-rows", "--until", "7h", hours=0.5)
    assert [told(home, 7), told(home, 13)] == [[], [("warning", "orders")]]
    said(home, "ack", "dead-rows", hours=13.5)
    assert said(home, "ack", "dead-rows", "--remove", hours=13.6).out.startswith("1 problem not acknowledged any more")
    assert told(home, 19) == [("warning", "orders")]
    gone = said(home, "ack", "dead-rows", "--remove", hours=19)
    assert (gone.code, "no acknowledged problem" in gone.err) == (1, True)


def test_status_shows_who_knows_what(home: TempHome, watched: Database) -> None:
    watched.execute("update watched set n = 9")
    home.tick(SLOT)
    said(home, "ack", "dead-rows", "--key", "orders", "--reason", "vacuum is planned")
    text = said(home, "status")
    assert text.code == 1
    lines = [line for line in text.out.splitlines() if " has 9" in line and line.startswith("warning")]
    assert [line.split("  ")[-1] for line in lines][-2:] == [
        "items has 9", "orders has 9 (acknowledged by ana: vacuum is planned)",
    ]  # fmt: skip
    said(home, "silence", "dead-rows", "--key", "items", "--for", "1d", "--reason", "bulk load")
    text = said(home, "status")
    assert "items has 9 (silenced: bulk load)" in text.out
    assert "s1       dead-rows  items  2026-03-05 03:30  ana  bulk load" in text.out
    assert "(known)" in said(home, "status", "--format", "nagios").out
    data = said(home, "status", "--json").json()
    assert [(item["row"], item["acknowledged"] and item["acknowledged"]["by"], item["silenced"]) for item in
            data["problems"]] == [
        (["items"], None, {"id": "s1", "reason": "bulk load"}), (["orders"], "ana", None),
    ]  # fmt: skip
    assert [item["id"] for item in data["silences"]] == ["s1"]


def test_lists_as_json(home: TempHome) -> None:
    told(home, 0)
    said(home, "ack", "dead-rows", "--until", "2026-03-05", "--reason", "größer")
    (ack,) = said(home, "ack", "--list", "--json").json()["acknowledged"]
    assert (ack["job"], ack["row"], ack["by"], ack["reason"], ack["until"]) == (
        "dead-rows", ["orders"], "ana", "größer", "2026-03-06T00:00:00+00:00",
    )  # fmt: skip
    made = said(home, "silence", "fine", "--for", "1h", "--reason", "x", "--json").json()
    home.settings("silences: [{jobs: [fine], until: 2026-12-31, reason: written}]\n")
    listed = said(home, "silence", "--list", "--json").json()
    assert listed["silences"][0] == made["silences"][0]
    assert (listed["silences"][1]["id"], listed["silences"][1]["reason"]) == (None, "written")
    assert "runner.yaml:" in said(home, "silence", "--list").out
    assert said(home, "unsilence", "--all", "--json").json() == made
    assert said(home, "unsilence", "--all").out == "there was no silence to end\n"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["silence", "dead-rows", "--reason", "x"], 64, "a silence needs an end"),
        (["silence", "dead-rows", "--for", "1h", "--until", "18:00", "--reason", "x"], 64, "a silence needs an end"),
        (["silence", "dead-rows", "--for", "1h"], 64, "a silence needs a reason"),
        (["silence", "dead-rows", "--for", "1h", "--reason", " "], 64, "a silence needs a reason"),
        (["silence", "dead-rows", "--for", "soon", "--reason", "x"], 64, "`soon` is neither a duration nor a time"),
        (["silence", "dead-rows", "--until", "2020-01-01", "--reason", "x"], 64, "is over"),
        (["silence", "dead-rowz", "--for", "1h", "--reason", "x"], 64, "did you mean `dead-rows`?"),
        (["silence", "x*", "--for", "1h", "--reason", "x"], 64, "no job fits `x*`"),
        (["silence", "tables", "--for", "1h", "--reason", "x"], 64, "its jobs are: dead-rows fine"),
        (["silence", "fine", "--target", "mian", "--for", "1h", "--reason", "x"], 64, "did you mean `main`?"),
        (["silence"], 64, "name jobs"),
        (["silence", "fine", "--list"], 64, "name jobs"),
        (["unsilence"], 64, "name a silence"),
        (["unsilence", "s9"], 64, "there is no silence `s9`"),
        (["ack"], 64, "name a job"),
        (["ack", "dead-rowz"], 64, "did you mean `dead-rows`?"),
        (["ack", "dead-rows@mian"], 64, "did you mean `main`?"),
        (["ack", "fine"], 1, "`fine` has no open problem"),
        (["ack", "dead-rows@host"], 1, "`dead-rows` on host has no open problem"),
        (["ack", "dead-rows", "--key", "order"], 1, "did you mean `orders`?"),
        (["ack", "dead-rows", "--key", "x"], 1, "its open problems are: orders"),
        (["ack", "dead-rows", "--until", "02:00"], 64, "is over"),
    ],
)
def test_wrong_words(home: TempHome, words: list[str], code: int, error: str) -> None:
    home.tick(SLOT)
    wrong = said(home, *words)
    assert (wrong.code, wrong.out) == (code, "")
    assert error in wrong.err
    assert said(home, "silence", "--list").out == "there is no silence\n"
