"""The home that comes with runner: valid, tested, and at work as a role that may do little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runner.demo.embedded import Server
from runner.model.state import State
from tests.cli.support import runner
from tests.postgres import SETTINGS, Servers
from tests.shipped.support import ROOT, Shipped

GROUPS = ("app-restart", "daily-alerts", "db-health-check", "db-vacuum-analyze", "weekly-health-check")
APPLICATION = [
    "create role app",
    "create role minimal login",
    "grant pg_monitor to minimal",
    "create table schema_migrations (version int primary key)",
    "insert into schema_migrations select generate_series(1, 12)",
    "grant select on schema_migrations to minimal",
    "create table epochs (id int primary key, v int)",
    "create table channels (id int primary key, name text)",
    "create table proofs (id int primary key)",
    "insert into epochs select n, n from generate_series(1, 50000) n",
    "alter table epochs owner to app",
    "analyze",
]


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("application")
    folder.chmod(0o755)
    started = Server.start(folder / "pg", SETTINGS, version=server.version, programs=server.programs)
    with psycopg.connect(started.dsn(), autocommit=True) as connection:
        connection.execute("create database oracle")
    with psycopg.connect(started.dsn("oracle"), autocommit=True) as connection:
        for statement in APPLICATION:
            connection.execute(statement.encode())
    yield started
    started.remove()


def home_as(path: Path, server: Server, user: str) -> Shipped:
    return Shipped.make(path / user, server.options("oracle", user))


def test_it_validates_without_a_word() -> None:
    said = runner("validate", home=ROOT)
    assert (said.code, said.err) == (0, "")
    assert "0 errors, 0 warnings" in said.out


def test_its_own_tests_pass() -> None:
    said = runner("test", home=ROOT)
    assert said.code == 0, said.out
    assert ", 0 failed" in said.out
    assert int(said.out.split()[0]) > 20


@pytest.mark.parametrize("group", GROUPS)
def test_every_job_runs_as_a_minimal_role_and_says_no_better_than_a_superuser(
    tmp_path: Path, application: Server, group: str
) -> None:
    as_superuser = home_as(tmp_path, application, "postgres").results(group)
    as_minimal = home_as(tmp_path, application, "minimal").results(group)
    assert set(as_minimal) == set(as_superuser) != set()
    for job, result in as_superuser.items():
        assert result["state"] != "unknown", result
        found = as_minimal[job]
        lacks_rights = {"critical"} if found["kind"] == "maintenance" else {"unknown", "skipped"}
        assert found["state"] in {result["state"], *lacks_rights}, found
        if found["state"] != result["state"]:
            assert any(word in str(found) for word in ("grant", "lacks", "permission", "may not")), found


def test_the_superuser_sees_a_healthy_application(tmp_path: Path, application: Server) -> None:
    home = home_as(tmp_path, application, "postgres")
    results = home.results(*GROUPS)
    loud = {job: result["summary"] for job, result in results.items() if State(result["state"]).is_problem}
    # The disk is this machine's own, and its load decides about the latency.
    assert set(loud) <= {"disk-space", "latency"}, loud
    assert (home.path / "pm2").read_text() == "restart all\n"


def test_a_week_of_ticks_runs_everything_once_and_fills_the_logs(tmp_path: Path, application: Server) -> None:
    home = home_as(tmp_path, application, "postgres")
    assert home.call("run-due", "--now", "2026-03-01T23:59Z").out == ""
    for day, time in [(2, "00:00"), (2, "01:30"), (4, "03:00"), (6, "01:00")]:
        said = home.call("run-due", "--now", f"2026-03-{day:02}T{time}Z")
        assert (said.code, said.err) == (0, ""), said
    logs = {path.name: path.read_text() for path in (home.path / "logs").iterdir()}
    assert set(logs) == {
        "twzrd-db-health.log", "twzrd-db-maint.log", "twzrd-weekly-health.log", "twzrd-alerts.log",
        "twzrd-app-restart.log",
    }  # fmt: skip
    assert all(logs.values())
    assert (home.path / "pm2").read_text() == "restart all\n"


def test_migrations_and_key_tables_find_what_is_missing(tmp_path: Path, application: Server) -> None:
    home = home_as(tmp_path, application, "postgres")
    words = ["--param", "expected_migrations=13"]
    assert home.results("migrations", *words)["migrations"]["state"] == "critical"
    assert home.results("migrations", "--param", "expected_migrations=11")["migrations"]["state"] == "warning"
    gone = home.results("migrations", "--param", "migrations_table=no_such_table")["migrations"]
    assert (gone["state"], "no table no_such_table" in gone["summary"]) == ("unknown", True)
    home.options = application.options("postgres")
    missing = home.results("key-tables")["key-tables"]
    assert missing["state"] == "critical"
    assert {finding["row"][0] for finding in missing["findings"]} == {"epochs", "channels", "proofs"}


def test_a_minimal_role_may_not_read_migrations_without_its_grant(tmp_path: Path, application: Server) -> None:
    with psycopg.connect(application.dsn("oracle"), autocommit=True) as connection:
        connection.execute("create table closed_migrations (version int)")
    found = home_as(tmp_path, application, "minimal").results(
        "migrations", "--param", "migrations_table=closed_migrations"
    )
    assert found["migrations"]["state"] == "unknown"
    assert "grant select on closed_migrations to minimal" in found["migrations"]["summary"]


def test_the_doctor_prints_what_a_minimal_role_lacks(tmp_path: Path, application: Server) -> None:
    said = home_as(tmp_path, application, "minimal").call("doctor")
    assert said.code == 1
    assert "grant " in said.out
    assert "may not vacuum" in said.out
    assert "Traceback" not in said.all


OWNED_BY = """
do $$ declare relation record; begin
  for relation in select oid::regclass as name from pg_class where relkind in ('r', 'm', 'p')
      and relnamespace in (select oid from pg_namespace where nspname not like 'pg\\_%' and nspname <> 'information_schema')
  loop execute format('alter table %s owner to {}', relation.name); end loop;
end $$
"""


@pytest.fixture
def keeper(application: Server) -> Iterator[str]:
    """Who owns the application's tables: membership in a superuser is never advised."""
    with psycopg.connect(application.dsn("oracle"), autocommit=True) as connection:
        connection.execute("create role keeper")
        connection.execute(OWNED_BY.format("keeper").encode())
        yield "keeper"
        connection.execute(OWNED_BY.format("postgres").encode())


@pytest.mark.usefixtures("keeper")
def test_after_the_doctors_grants_nothing_is_left(tmp_path: Path, application: Server) -> None:
    home = home_as(tmp_path, application, "minimal")
    lines = [line for line in home.call("doctor").out.splitlines() if "as a superuser: " in line]
    grants = {line.split("as a superuser: ")[1].split(";")[0] for line in lines}
    assert grants
    with psycopg.connect(application.dsn("oracle"), autocommit=True) as connection:
        connection.execute("create role granted login in role minimal")
        for grant in grants:
            connection.execute(grant.replace("minimal", "granted").encode())
    granted = Shipped.make(tmp_path / "granted", application.options("oracle", "granted"))
    assert "may not vacuum" not in granted.call("doctor").out
    assert granted.results("db-vacuum-analyze")["db-vacuum-analyze"]["state"] == "ok"
