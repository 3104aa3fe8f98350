"""Checks on a real server: what their rows become, and what they say when something is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.api import Memory, Past, Rows, State
from runner.expr import parse
from runner.judge import Rule
from runner.kinds.check.outcome import Looked, evaluate
from runner.kinds.check.spec import CheckSpec
from tests.app.homes import SLOT, TempHome
from tests.cli.support import runner
from tests.postgres import Database, Servers

ROWS = "select * from (values ('a', 1), ('b', 7), ('c', 99), ('d', null)) as t (name, n)"


@pytest.fixture(scope="module")
def shared(server: Servers) -> Iterator[Database]:
    with server.fresh_database() as database:
        database.execute(
            "create table levels (name text primary key, n int)", "insert into levels values ('a', 1), ('b', 2)"
        )
        yield database


def check(query: str, **keys: object) -> dict[str, object]:
    return {"sql": query, "warning": "n > 5", **keys}


JOBS: dict[str, tuple[Mapping[str, object], str, list[tuple[str, str]], str]] = {
    # name: the job, its state, the findings (row, state), a part of its summary or of a message
    "fine": (check("select 1 as n"), "ok", [], "n 1"),
    "warns": (check("select 7 as n"), "warning", [("", "warning")], "n 7"),
    "own-words": (
        check("select 7 as n", columns={"n": "bytes"}, message="{{ n }} in {{ target }}, over {{ params.limit }}",
              params={"limit": 5}),
        "warning", [("", "warning")], "7 B in main, over 5",
    ),
    "rows": (
        check(ROWS, key=["name"], critical="n > 50"),
        "critical", [("b", "warning"), ("c", "critical"), ("d", "unknown")], "3 of 4 rows",
    ),
    "own-summary": (
        check(ROWS, key=["name"], on_null="ok", summary="{{ found | length }} of {{ count }}: {{ found[0].name }}"),
        "warning", [("b", "warning"), ("c", "warning")], "2 of 4: b",
    ),
    "null-is-fine": (check("select null::int as n", on_null="ok"), "ok", [], ""),
    "null-is-bad": (check("select null::int as n", on_null="critical"), "critical", [("", "critical")], ""),
    "null": (check("select null::int as n"), "unknown", [("", "unknown")], "null"),
    "not-a-number": (check("select 'NaN'::float8 as n"), "unknown", [("", "unknown")], ""),
    "division": (
        check("select 1 as n, 0 as m", warning="n / m > 5"), "unknown", [("", "unknown")], "zero",
    ),
    "a-text-for-a-number": (check("select 'many' as n", columns={"n": "count"}), "unknown", [("", "unknown")], "many"),
    "left-out": (
        check(ROWS, key=["name"], **{"except": [{"name": "c", "reason": "known"}, {"name": "d"}]}),
        "warning", [("b", "warning")], "",
    ),
    "computed": (
        check("select 2 as n", computed={"double": "n * 2"}, warning="double > 3", message="{{ double }}"),
        "warning", [("", "warning")], "4",
    ),
    "whole": (check(ROWS, key=["name"], warning="rows > 3"), "warning", [("", "warning")], "rows > 3"),
    "nothing-found": (check("select 1 as n where false"), "ok", [], "nothing found"),
    "a-probe-that-finds-nothing": (
        {"probe": "runs", "with": {"groups": ["none"]}, "warning": "failed > 0"}, "ok", [], "nothing found",
    ),
    "learning": (check("select 1 as n", warning="delta(n) > 5"), "learning", [("", "learning")], ""),
    "without-its-key": (check("select * from (select 7 as n) as x", key=["name"]), "unknown", [("", "unknown")], "name"),
    "without-its-column": (check("select * from (select 7 as m) as x"), "unknown", [("", "unknown")], "n"),
    "the-same-key-twice": (
        check("select 'a' as name, n from generate_series(5, 6) as t (n)", key=["name"]),
        "warning", [("a", "warning")] * 2, "2 of 2 rows",
    ),
    "new-sql": (check("", sql={"99": "select 7 as n"}), "unknown", [("", "unknown")], "begins with PostgreSQL 99"),
    "variants": (check("", sql={"10": "select 7 as n", "99": "select 1 as n"}), "warning", [("", "warning")], "n 7"),
    "a-message-that-cannot-be-written": (
        check("select 99 as n, 0 as m", critical="n > 50", message="{{ n // m }} of {{ n }}"),
        "critical", [("", "critical")], "n 99",
    ),
    "a-summary-that-cannot-be-written": (
        check("select 99 as n", critical="n > 50", summary="{{ found[3].n }}"),
        "critical", [("", "critical")], "",
    ),
    "booleans": (
        check("select true as up, false as down", warning="not up or down"), "ok", [], "",
    ),
    "texts": (check("select 'lost' as status", warning="status = 'lost'"), "warning", [("", "warning")], "lost"),
    "times": (
        check("select now() - interval '2 hours' as seen", columns={"seen": "timestamp"}, warning="age(seen) > 1h"),
        "warning", [("", "warning")], "",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, shared: Database) -> dict[str, Any]:
    """One run of all of them, in one round trip."""
    jobs = [{"check": name, **job} for name, (job, *_) in JOBS.items()]
    text = "jobs:\n" + "".join(f"  - {json.dumps(job)}\n" for job in jobs)
    home = TempHome.make(tmp_path_factory.mktemp("checks") / "home", shared.options(), {"all.yaml": text})
    home.load()
    said = runner("run", "all", "--json", home=home.path)
    assert said.err == ""
    return {result["job"]: result for result in said.json()["results"]}


@pytest.mark.parametrize("name", JOBS)
def test_a_check(results: dict[str, Any], name: str) -> None:
    _, state, findings, words = JOBS[name]
    result = results[name]
    assert result["state"] == state, result
    assert [(".".join(item["row"]), item["state"]) for item in result["findings"]] == findings
    assert words in result["summary"] + str([item["message"] for item in result["findings"]])
    assert all("\n" not in item["message"] for item in result["findings"])
    assert "Error" not in result["summary"]


def test_what_was_cut_off_is_unknown_and_not_gone() -> None:
    rule = Rule(kinds={}, computed={}, warning=(parse("n > 5"),), critical=(), record=frozenset({"n"}))
    table = Rows(columns=("n",), rows=((1,),), truncated=True)
    outcome = evaluate(
        CheckSpec(rule=rule), Looked(tables={"": table}), past=Past(), memory=Memory(), params={}, now=SLOT
    )
    assert (outcome.state, outcome.looked) == (State.UNKNOWN, frozenset())
    assert outcome.findings[0].message.startswith("only the first 1 rows were judged")


def test_rows_with_the_same_key_are_noted(results: dict[str, Any]) -> None:
    assert results["the-same-key-twice"]["notes"] == ["2 rows have the key a; the worst of them counts"]


def test_a_test_of_a_message_that_cannot_be_written_fails(home: TempHome) -> None:
    tests = [{"rows": [{"n": 9, "m": 0}], "expect": "warning"}]
    home.write(
        "it.yaml", json.dumps({"check": "it", "tests": tests, **check("select 9 as n, 0 as m", message="{{ n // m }}")})
    )
    said = runner("test", "it", home=home.path)
    assert (said.code, "the message cannot be written" in said.out) == (1, True)


def test_what_could_not_be_written_is_noted(results: dict[str, Any]) -> None:
    for name, part in (
        ("message", "a-message-that-cannot-be-written"),
        ("summary", "a-summary-that-cannot-be-written"),
    ):
        assert any(f"the {name} cannot be written" in note for note in results[part]["notes"]), results[part]["notes"]


@pytest.fixture
def home(tmp_path: Path, shared: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", shared.options(), {})


def look(home: TempHome, *words: str) -> Any:
    said = runner("run", "it", "--json", *words, home=home.path)
    assert said.err == "", said.err
    (result,) = said.json()["results"]
    return result


def test_details_are_shown_as_they_are_and_their_errors_too(home: TempHome) -> None:
    job = {"check": "it", **check("select 7 as n", detail="select g as number from generate_series(1, 30) as g")}
    home.write("it.yaml", json.dumps(job))
    (table,) = look(home)["tables"]
    assert (len(table["rows"]), table["more"]) == (20, 10)
    home.write("it.yaml", json.dumps({**job, "detail": "select 1 / 0"}))
    broken = look(home)
    assert broken["state"] == "warning"
    assert "division by zero" in str(broken["tables"])


def test_history_and_trend(home: TempHome, shared: Database) -> None:
    job = {"check": "it", **check("select n from levels where name = 'a'", trend="n", warning="delta(n) > 5")}
    home.write("it.yaml", json.dumps(job))
    assert look(home, "--now", "2026-03-04T01:00Z")["state"] == "learning"
    assert look(home, "--now", "2026-03-04T02:00Z")["state"] == "ok"
    shared.execute("update levels set n = 100 where name = 'a'")
    grown = look(home, "--now", "2026-03-04T03:00Z")
    shared.execute("update levels set n = 1 where name = 'a'")
    assert grown["state"] == "warning"
    assert len(grown["trends"][0]["samples"]) == 3


def test_a_problem_lasts_until_it_is_clear(home: TempHome, shared: Database) -> None:
    sql = "select name, n from levels where name = 'b'"
    home.write("it.yaml", json.dumps({"check": "it", **check(sql, key=["name"], clear="n < 3")}))
    found = []
    for hour, level in enumerate([9, 4, 2, 4]):
        shared.execute(f"update levels set n = {level} where name = 'b'")
        found.append(look(home, "--now", f"2026-03-04T0{hour}:00Z")["state"])
    assert found == ["warning", "warning", "ok", "ok"]


def test_one_closed_database_is_unknown_beside_the_others(home: TempHome, server: Servers, minimal_role: str) -> None:
    with server.fresh_database() as closed:
        closed.execute(f'revoke connect on database "{closed.name}" from public')
        home.options = {**home.options, "user": minimal_role}
        home.settings()
        sql = "select current_database()::text as name, 1 as n"
        home.write("it.yaml", json.dumps({"check": "it", "for_each": "database", **check(sql, key=["name"])}))
        result = look(home)
    assert result["state"] == "unknown"
    blind = [item for item in result["findings"] if item["database"] == closed.name]
    assert [item["state"] for item in blind] == ["unknown"]
    assert "permission denied for database" in blind[0]["message"]
    assert len(result["findings"]) == 1


def test_a_locked_table_and_a_slow_query_are_unknown_with_their_reason(home: TempHome, shared: Database) -> None:
    home.write("it.yaml", json.dumps({"check": "it", **check("select n from levels where name = 'a'")}))
    settings = (home.path / "runner.yaml").read_text()
    (home.path / "runner.yaml").write_text(f"{settings}defaults: {{lock_timeout: 100ms}}\n")
    with shared.session("begin", "lock table levels in access exclusive mode"):
        locked = look(home)
    assert (locked["state"], "lock_timeout" in locked["summary"]) == ("unknown", True)
    slow = {"check": "it", "statement_timeout": "100ms", **check("select 1 as n from pg_sleep(60)")}
    home.write("it.yaml", json.dumps(slow))
    assert "statement_timeout" in look(home)["summary"]


def test_parameters_of_the_target_and_of_the_command_line(home: TempHome) -> None:
    job = {"check": "it", "params": {"n": 1}, **check("select cast(:n as int) as n")}
    home.write("it.yaml", json.dumps(job))
    assert look(home)["state"] == "ok"
    text = (home.path / "runner.yaml").read_text()
    (home.path / "runner.yaml").write_text(text.replace('"connect_timeout"', '"params": {"n": 9}, "connect_timeout"'))
    assert look(home)["state"] == "warning"
    assert look(home, "--param", "n=2")["state"] == "ok"
