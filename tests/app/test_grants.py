"""The SQL of `doctor --grants`: complete for every version without a server, and enough on a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runner.app.grant_script import Script, as_sql, scripts
from runner.app.rights import NEVER
from runner.demo.embedded import Server
from tests.app.homes import SLOT, TempHome
from tests.cli.support import Said, runner
from tests.postgres import SETTINGS, Servers

JOBS = """
schedule: hourly
jobs:
  - check: sees
    requires: {grant: pg_monitor}
    sql: select count(*) as n from pg_stat_activity
  - check: settings
    precondition: select pg_has_role('pg_read_all_settings', 'usage')
    sql: select 1 as n
  - check: reads
    for_each: database
    precondition: select has_table_privilege('pg_file_settings', 'select')
    sql: select count(*) as n from pg_file_settings
  - check: calls
    precondition: |
      select has_function_privilege('pg_show_all_file_settings()', 'execute')
             and coalesce(has_function_privilege(to_regproc('pg_ident_file_mappings'), 'execute'), true)
    sql: select count(*) as n from pg_show_all_file_settings()
  - check: counts
    for_each: database
    key: [s]
    sql: select sequencename::text as s, last_value as n from pg_sequences
  - check: greedy
    requires: {grant: pg_read_all_data}
    sql: select 1 as n
  - check: secret
    precondition: select has_column_privilege('pg_authid', 'rolpassword', 'select')
    sql: select count(*) as n from pg_authid
  - check: new
    requires: {version: 17+, grant: pg_checkpoint}
    sql: select 1 as n
"""
CARE = "schedule: daily at 03:00\nmaintenance: care\nfor_each: database\nsteps:\n  - vacuum: {tables: all}\n"
ODD = "odd \"na'me $$"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("granting")
    folder.chmod(0o755)
    started = Server.start(folder / "pg", SETTINGS, version=server.version, programs=server.programs)
    execute(
        started, "postgres", "create role owner", "create database shop", "revoke connect on database shop from public"
    )
    execute(
        started, "shop", "create schema deep", "create sequence deep.s maxvalue 100", "select setval('deep.s', 99)",
        "create table t (id int primary key)", "alter table t owner to owner", "insert into t select generate_series(1, 9)",
    )  # fmt: skip
    yield started
    started.remove()


def execute(server: Server, database: str, *statements: str) -> None:
    with psycopg.connect(server.dsn(dbname=database), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def made(path: Path, options: dict[str, str], files: dict[str, str]) -> list[Script]:
    return list(scripts(TempHome.make(path / "home", options, files).load(), role=ODD, connect=False))


def test_without_a_server_there_is_a_script_for_each_version(tmp_path: Path) -> None:
    found = made(tmp_path, {"host": "nowhere", "dbname": "a b"}, {"jobs.yaml": JOBS, "care.yaml": CARE})
    assert [script.majors for script in found] == [(14, 15, 16), (17, 18)]
    old, new = ("\n".join(as_sql(script)) for script in found)
    role = '"odd ""na\'me $$"'
    for line in (
        f"grant pg_monitor to {role};", 'grant connect on database "a b" to ' + role + ";",
        f"grant select on pg_file_settings to {role};",
        f"grant execute on function pg_show_all_file_settings() to {role};", "-- In each database that is visited:",
    ):  # fmt: skip
        assert line in old.splitlines()
        assert line in new.splitlines()
    assert (
        f"  if to_regproc('pg_ident_file_mappings') is not null then grant execute on function pg_ident_file_mappings to {role}; end if;"
        in old
    )
    assert "grant select on all sequences in schema" in old
    assert ("pg_maintain" in old, "pg_maintain" in new) == (False, True)
    assert ("pg_checkpoint" in old, "pg_checkpoint" in new) == (False, True)
    assert ("distinct pg_get_userbyid" in old, "distinct pg_get_userbyid" in new) == (True, False)


def test_what_is_never_given_stands_there_only_as_a_comment(tmp_path: Path) -> None:
    (found,) = made(tmp_path, {"host": "nowhere"}, {"jobs.yaml": JOBS.replace("17+", "14+")})
    text = "\n".join(grant.sql for grant in found.grants)
    assert not any(name in text for name in (*NEVER, "pg_authid", "superuser"))
    assert {note.jobs for note in found.notes} == {("greedy",), ("secret",)}
    assert "-- greedy: asks for pg_read_all_data, which is not given" in "\n".join(as_sql(found))


@pytest.mark.parametrize("files", [{"jobs.yaml": JOBS, "care.yaml": CARE}, {"care.yaml": CARE}, {}])
def test_the_sql_can_be_run_as_it_stands_and_again(tmp_path: Path, clinic: Server, files: dict[str, str]) -> None:
    options = clinic.options()
    found = made(tmp_path, options, files)
    (script,) = (script for script in found if clinic.major in script.majors)
    for _ in "again", "and again":
        for grant in script.grants:
            for database in ("postgres", "shop") if grant.database == "*" else (grant.database or "postgres",):
                execute(clinic, database, grant.sql)


def doctor(home: TempHome, *words: str) -> Said:
    return runner("doctor", "--grants", *words, home=home.path)


def grant_all(server: Server, said: Said) -> int:
    count = 0
    for script in said.json()["scripts"]:
        for grant in script["grants"]:
            execute(server, grant["database"] or "postgres", grant["sql"])
            count += 1
    return count


def test_on_a_server_only_what_is_missing_is_printed(tmp_path: Path, clinic: Server) -> None:
    home = TempHome.make(tmp_path / "home", clinic.options(), {"jobs.yaml": JOBS, "care.yaml": CARE})
    words = ("--role", "step by step")
    before = doctor(home, *words)
    assert before.code == 1
    assert '\\connect "shop"' in before.out
    assert grant_all(clinic, doctor(home, *words, "--json")) > 6
    after = doctor(home, *words)
    assert (after.code, "nothing is missing" in after.out) == (0, True), after.out
    execute(clinic, "shop", "create sequence another", 'revoke connect on database shop from "step by step"')
    again = doctor(home, *words, "--json").json()["scripts"][0]["grants"]
    assert [(grant["database"], grant["sql"].startswith("grant connect")) for grant in again] == [
        ("", True),
        ("shop", False),
    ]
    execute(clinic, "shop", "drop sequence another")


def test_a_superuser_lacks_nothing(tmp_path: Path, clinic: Server) -> None:
    home = TempHome.make(tmp_path / "home", clinic.options(), {"jobs.yaml": JOBS})
    said = doctor(home)
    assert said.code == 0
    assert "is a superuser and lacks nothing" in said.out
    assert "grant " not in said.out.replace("--grants", "")


def test_a_server_that_is_away_gets_the_scripts_for_all_versions(tmp_path: Path) -> None:
    home = TempHome.make(
        tmp_path / "home", {"host": "127.0.0.1", "port": "1", "password": "s3cret-word"}, {"care.yaml": CARE}
    )
    said = doctor(home, "--role", "r")
    assert said.code == 0
    assert "PostgreSQL 14 to 16" in said.out
    assert "PostgreSQL 17 to 18" in said.out
    assert "s3cret" not in said.all


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["doctor", "--role", "x"], "belong to --grants"),
        (["doctor", "--grants", "--target", "mian"], "there is no target `mian`"),
    ],
)
def test_wrong_words(tmp_path: Path, words: list[str], message: str) -> None:
    home = TempHome.make(tmp_path / "home", {"host": "nowhere"}, {})
    said = runner(*words, home=home.path)
    assert (said.code, message in said.err) == (64, True)


# What these would need is not given (passwords), or they speak of the role that asks, or of moments that pass.
NOT_THE_SAME = frozenset({"md5-passwords"})
CATALOGUE = """
schedule: hourly
jobs:
  - use: preset.full
  - use: preset.schema-review
    tags: [review]
"""


def seen(path: Path, server: Server, user: str) -> dict[str, Any]:
    """State and findings of every check of the presets, as this role."""
    home = TempHome.make(path / user, {**server.options(user=user), "dbname": "shop"}, {"all.yaml": CATALOGUE})
    said = runner("run", "all", "--json", "--now", SLOT.isoformat(), home=home.path)
    document = json.loads(said.out)
    return {
        result["job"]: (
            result["state"],
            sorted((found["database"], *found["row"], found["state"]) for found in result["findings"]),
            result["summary"],
        )
        for report in document.get("reports", [document])
        for result in report["results"]
    }


def test_the_checks_find_what_a_superuser_finds(tmp_path: Path, clinic: Server) -> None:
    options = {**clinic.options(), "dbname": "shop"}
    home = TempHome.make(tmp_path / "home", options, {"all.yaml": CATALOGUE})
    assert grant_all(clinic, doctor(home, "--role", "watcher", "--json"))
    mine, theirs = seen(tmp_path, clinic, "watcher"), seen(tmp_path, clinic, "postgres")
    assert set(mine) == set(theirs)
    assert len(mine) > 20
    differ = {name: (mine[name], theirs[name]) for name in mine if mine[name][:2] != theirs[name][:2]}
    assert {name: pair for name, pair in differ.items() if name not in NOT_THE_SAME} == {}
