"""What the doctor sees on real servers, and that the SQL it prints is enough and no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from runner.api import Advice
from runner.app.doctor import doctor
from runner.clock import ShiftedClock
from runner.demo.embedded import Server
from tests.app.homes import SLOT, TempHome
from tests.postgres import SETTINGS, Servers

READS = """
schedule: hourly
jobs:
  - check: sees
    requires: {grant: pg_monitor}
    sql: select count(*) as n from pg_stat_activity
    warning: n > 1000
  - check: reads
    sql: select count(*) as n from orders
    precondition: |
      select has_table_privilege('orders', 'select'), 'grant select on orders to ' || current_user
    warning: n > 1000
"""
VACUUMS = """
schedule: daily at 03:00
maintenance: clean
steps:
  - vacuum: {tables: all}
"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clinic")
    folder.chmod(0o755)
    started = Server.start(folder / "pg", SETTINGS, version=server.version, programs=server.programs)
    with psycopg.connect(started.dsn(), autocommit=True) as connection:
        for statement in (
            "create role owner", 'create role "odd ""name" login', "create role boss superuser login",
            "create table orders (id int primary key)", "alter table orders owner to owner",
        ):  # fmt: skip
            connection.execute(statement.encode())
    yield started
    started.remove()


def advice_for(path: Path, server: Server, user: str, files: dict[str, str], extra: str = "") -> list[Advice]:
    home = TempHome.make(path / "home", server.options(user=user), files, extra)
    home.tick(SLOT)
    return list(doctor(home.load(), ShiftedClock(SLOT)))


def bad(advices: list[Advice]) -> list[Advice]:
    return [item for item in advices if not item.good]


def test_a_superuser_lacks_nothing(tmp_path: Path, clinic: Server) -> None:
    files = {"reads.yaml": READS, "vacuums.yaml": VACUUMS}
    found = advice_for(tmp_path, clinic, "boss", files)
    assert [item for item in bad(found) if "tick" not in item.message] == []
    assert any(f"PostgreSQL {clinic.major}" in item.message and "as boss (superuser)" in item.message for item in found)


def test_the_grants_that_are_missing_are_printed_and_are_enough(tmp_path: Path, clinic: Server) -> None:
    files = {"reads.yaml": READS, "vacuums.yaml": VACUUMS}
    user = 'odd "name'
    hints = [item.hint for item in bad(advice_for(tmp_path, clinic, user, files)) if "grant" in item.hint]
    assert any(hint == 'as a superuser: grant pg_monitor to "odd ""name";' for hint in hints)
    assert any(hint.startswith("grant select on orders to ") for hint in hints)
    wanted = "pg_maintain" if clinic.major >= 17 else '"owner"'
    assert any(f'grant {wanted} to "odd ""name"' in hint for hint in hints)
    with psycopg.connect(clinic.dsn(), autocommit=True) as connection:
        for hint in hints:
            statement = hint.removeprefix("as a superuser: ").split(";")[0]
            connection.execute(statement.replace(f"to {user}", 'to "odd ""name"').encode())
    again = bad(advice_for(tmp_path / "again", clinic, user, files))
    assert [item for item in again if "grant" in item.hint] == []


def test_nothing_is_said_about_vacuum_when_nobody_vacuums(tmp_path: Path, clinic: Server) -> None:
    with psycopg.connect(clinic.dsn(), autocommit=True) as connection:
        connection.execute("create role reader login in role pg_monitor")
    found = advice_for(tmp_path, clinic, "reader", {"reads.yaml": READS})
    assert not any("vacuum" in item.message for item in found)


@pytest.mark.parametrize(
    ("files", "extra", "message", "hint"),
    [
        ({"c.yaml": "command: c\nrun: [no-such-program]\n"}, "allow: [command]\n", "no-such-program", "PATH"),
        ({"c.yaml": "command: c\nrun: ['true']\n"}, "", "c will not run", "allow: [command]"),
        (
            {"c.yaml": "check: c\ntargets: {labels: {env: mars}}\nsql: select 1 as n\nwarning: n > 5\n"},
            "", "c never runs", "the targets are: main",
        ),
        ({}, "sinks: {a: {type: log_file, path: /nonexistent/x.log}}\n", "sink a", "install -d"),
    ],
)  # fmt: skip
def test_what_keeps_jobs_from_working(
    tmp_path: Path, clinic: Server, files: dict[str, str], extra: str, message: str, hint: str
) -> None:
    found = [item for item in bad(advice_for(tmp_path, clinic, "boss", files, extra)) if message in item.message]
    assert found
    assert hint in found[0].hint


def test_a_cron_that_does_not_call(tmp_path: Path, clinic: Server) -> None:
    home = TempHome.make(tmp_path / "home", clinic.options(), {"reads.yaml": READS})
    never = list(doctor(home.load(), ShiftedClock(SLOT), connect=False))
    assert any(item.message == "run-due was never called" for item in bad(never))
    home.tick(SLOT)
    late = list(doctor(home.load(), ShiftedClock(SLOT + timedelta(days=3650)), connect=False))
    assert any("the last tick was" in item.message and "crontab" in item.hint for item in bad(late))


def test_a_store_of_another_program(tmp_path: Path, clinic: Server) -> None:
    home = TempHome.make(tmp_path / "home", clinic.options(), {"reads.yaml": READS})
    (home.path / ".runner").mkdir()
    (home.path / ".runner" / "state.db").write_text("not ours")
    found = bad(list(doctor(home.load(), ShiftedClock(SLOT), connect=False)))
    assert any("state.db" in item.message and item.hint for item in found)
