"""Every check of the catalogue: silent on a healthy server, loud when its fault is planted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.cli.support import runner
from tests.postgres import SETTINGS, Database, Servers, eventually
from tests.shipped.support import Use, database_of

Plant = Callable[[ExitStack, Server, Database], object]
CONNECTIONS = 24


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    """A server of our own, because most of these faults are seen in the whole of it."""
    folder = tmp_path_factory.mktemp("patient")
    folder.chmod(0o755)
    settings = {**SETTINGS, "max_connections": str(CONNECTIONS), "track_activities": "on"}
    started = Server.start(folder / "pg", settings, version=server.version, programs=server.programs)
    with psycopg.connect(started.dsn(), autocommit=True) as connection:
        connection.execute("create role minimal login")
        connection.execute("grant pg_monitor to minimal")
    yield started
    started.remove()


@pytest.fixture
def database(patient: Server) -> Iterator[Database]:
    run_in(patient, "create database ward")
    yield database_of(patient, "ward")
    run_in(patient, "drop database ward with (force)")


def run_in(server: Server, *statements: str) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Case:
    """A fault, the operator's own values that make it visible at once, and what the check says of it."""

    plant: Plant
    state: str
    says: str
    values: dict[str, object] = field(default_factory=dict)
    healthy: dict[str, object] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """`--now` of a run before the fault."""


def nothing(stack: ExitStack, server: Server, database: Database) -> None:
    return None


CASES: dict[str, tuple[str, Case]] = {
}  # fmt: skip
ELSEWHERE = {"runner.failed-runs", "runner.self"}
"""Checks with a test of their own below."""


@pytest.mark.parametrize("user", ["postgres", "minimal"])
@pytest.mark.parametrize("name", CASES)
def test_silent_when_healthy_and_loud_when_not(
    tmp_path: Path, patient: Server, database: Database, name: str, user: str
) -> None:
    check, case = CASES[name]
    use = Use(tmp_path / "home", patient.options("ward", user))
    with ExitStack() as stack:
        use.write(check, **case.healthy)
        for moment in case.before:
            use.look("--now", moment)
        healthy = use.look("--now", "2026-03-04T02:00Z")
        assert healthy["state"] in {"ok", "learning"}, healthy
        case.plant(stack, patient, database)
        use.write(check, **case.values)
        now = "2026-03-04T03:00Z"
        found = eventually(lambda: loud(use.look("--now", now), case.state), what=f"{name} as {user}")
        assert any(case.says in finding["message"] for finding in found["findings"]), found["findings"]


def loud(result: Any, state: str) -> Any:
    """The result when it is in this state; before 15 statistics take a moment to arrive."""
    if result["state"] != state:
        time.sleep(0.05)
        return None
    return result


def test_runs_that_failed(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    use.write("runner.failed-runs")
    assert use.look()["state"] == "ok"
    (use.path / "checks.d" / "bad.yaml").write_text("check: bad\nsql: select 1 / 0 as n\nwarning: n > 5\n")
    assert runner("run", "bad", home=use.path).code == 3
    found = use.look()
    assert found["state"] == "warning"
    assert any("bad: 1 of 1 runs failed" in finding["message"] for finding in found["findings"])


def test_a_job_that_nobody_evaluates_and_a_sink_that_takes_nothing(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    use.write("runner.self")
    (use.path / "checks.d" / "often.yaml").write_text(
        "schedule: hourly\ncheck: often\nsql: select 1 as n\nwarning: n > 5\n"
    )
    for now in ("2026-03-04T02:55Z", "2026-03-04T03:00Z"):
        assert runner("run-due", "--now", now, home=use.path).code == 0
    assert use.look("--now", "2026-03-04T06:00Z")["state"] == "ok"
    late = use.look("--now", "2026-03-04T09:00Z")
    assert late["state"] == "critical"
    told = [finding["message"] for finding in late["findings"]]
    assert told == ["often on main was not evaluated for 5 slots, since 2026-03-04 03:00 UTC"]
    settings = use.path / "runner.yaml"
    settings.write_text(re.sub("sinks: .*", "sinks: {log: {type: log_file, path: /dev/full}}", settings.read_text()))
    runner("run-due", "--now", "2026-03-04T09:00Z", home=use.path)
    stuck = runner("run", "it", "--json", "--now", "2026-03-04T09:40Z", home=use.path).json()["results"][0]
    assert stuck["state"] == "warning"
    assert "sink log: 2 reports wait, the oldest for 39 min" in stuck["findings"][0]["message"]
