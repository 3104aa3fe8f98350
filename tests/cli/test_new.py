"""`runner new` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.homes import TempHome
from tests.cli.support import Said, runner
from tests.postgres import Database


@pytest.fixture
def home(tmp_path: Path, database: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", database.options(), {})


def new(home: TempHome, *words: str) -> Said:
    return runner("new", *words, home=home.path)


def test_a_check_is_written_and_the_next_steps_are_told(home: TempHome) -> None:
    said = new(home, "check", "used", "--sql", "select 5 as used")
    path = home.path / "checks.d" / "used.yaml"
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[:4] == [
        "wrote checks.d/used.yaml", "", "Next:", f"  1. look at the guesses in {path}",
    ]  # fmt: skip
    assert runner("test", "used", home=home.path).out == "2 passed, 0 failed\n"
    assert runner("run", "used", home=home.path).code == 0


def test_a_dry_run_prints_the_file_and_writes_nothing(home: TempHome) -> None:
    said = new(home, "check", "used", "--sql", "select 5 as used", "--dry-run")
    assert said.code == 0
    assert said.out.startswith("# yaml-language-server: $schema=../schema/checks.schema.json\n")
    assert list((home.path / "checks.d").iterdir()) == []


def test_a_file_with_the_query_and_a_key_and_a_schedule(home: TempHome, tmp_path: Path) -> None:
    query = tmp_path / "query.sql"
    query.write_text("select 'a' as one, 'b' as two, 5 as used;\n")
    said = new(home, "check", "used", "--sql-file", str(query), "--key", "two", "--schedule", "*/5 * * * *")
    assert said.code == 0
    text = (home.path / "checks.d" / "used.yaml").read_text()
    assert '\nschedule: "*/5 * * * *"\n' in text
    assert "\nkey: [two]" in text


def test_a_schedule_that_cannot_be_read_leaves_nothing_behind(home: TempHome) -> None:
    said = new(home, "check", "used", "--sql", "select 5 as used", "--schedule", "sometimes")
    assert said.code == 1
    assert "error[bad-schedule]" in said.err
    assert "would not be valid, so nothing was written" in said.err
    assert list((home.path / "checks.d").iterdir()) == []


def test_a_schedule_that_cannot_be_read_leaves_a_group_as_it_was(home: TempHome) -> None:
    file = home.path / "checks.d" / "mine.yaml"
    file.write_text("jobs:\n  - {check: one, sql: select 1 as n}\n  - check: two\n    sql: select 1 as n\n")
    before = file.read_text()
    assert new(home, "check", "x", "--sql", "select 5 as n", "--schedule", "no", "--group", "mine").code == 1
    assert file.read_text() == before
    assert new(home, "check", "x", "--sql", "select 5 as n", "--group", "mine").code == 0
    assert file.read_text().startswith(before)


def test_without_a_server_nothing_is_written(tmp_path: Path) -> None:
    home = TempHome.make(tmp_path / "home", {"host": "127.0.0.1", "port": "1"}, {})
    said = new(home, "check", "used", "--sql", "select 5 as used")
    assert (said.code, said.out) == (1, "")
    assert "--offline" in said.err
    assert list((home.path / "checks.d").iterdir()) == []
    assert new(home, "check", "used", "--sql", "select 5 as used", "--offline").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["check", "used"],
        ["check", "used", "--sql", "select 1 as n", "--from-catalogue", "pg.connections"],
        ["check", "used", "--sql-file", "/nowhere.sql"],
        ["check", "used", "--sql", "select 5 as n", "--target", "nobody"],
        ["check", "no name", "--sql", "select 5 as n"],
    ],
)
def test_wrong_words_are_wrong_usage(home: TempHome, words: list[str]) -> None:
    said = new(home, *words)
    assert (said.code, said.out) == (64, "")
    assert said.err.startswith("runner: ")


def test_the_catalogue_and_maintenance(home: TempHome) -> None:
    assert new(home, "check", "busy", "--from-catalogue", "pg.connections").code == 0
    assert new(home, "maintenance", "nightly").code == 0
    listed = runner("list", home=home.path).out
    assert "busy" in listed
    assert "nightly" in listed
    assert runner("validate", home=home.path).code == 0
