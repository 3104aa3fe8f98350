"""Availability: servers that are down, were restarted, crashed or changed their role; clusters with two primaries; versions."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import CONNECTIONS, Case
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.cli.support import runner
from tests.postgres import Database, eventually
from tests.shipped.standby import standby_of
from tests.shipped.support import LOOKS, Use, database_of


def nothing(stack: ExitStack, server: Server, database: Database) -> None:
    return None


def notifications(stack: ExitStack, server: Server, database: Database) -> None:
    stack.enter_context(database.session("listen news", "begin", "select 1"))
    database.execute("select pg_notify('news', repeat('x', 7000) || n) from generate_series(1, 100) n")


OLD_LIST = {"releases": [f"{major}.99 until 2020-01-01" for major in range(13, 30)]}
NEW_LIST = {"releases": [f"{major}.1 until 2999-01-01" for major in range(13, 30)], "releases_known_at": "2026-03-01"}
SOON = {"releases": [f"{major}.1 until 2026-05-01" for major in range(13, 30)]}
CATALOGUE = Path(__file__).parents[2] / "checks.d" / "catalogue"
AREAS = [CATALOGUE / f"{area}.yaml" for area in ("availability", "versions", "sessions", "locks", "transaction-ids")]
BEFORE = ("2026-03-04T01:00Z",)
CASES = {
    "slow": Case(
        check="pg.latency", plant=nothing, state="warning", says="a trivial query takes",
        values={"warning": "median > 1us", "critical": False}, healthy={"warning": "median > 10s"},
    ),
    "restarted": Case(
        check="pg.restarted", plant=nothing, state="warning", says="configuration loaded",
        healthy={"warning": "changed(started)"}, before=BEFORE,
    ),
    "wrong role": Case(
        check="pg.expected-role", plant=nothing, state="critical", says="this is a primary, expected is a standby",
        values={"params": {"expected_role": "standby"}}, healthy={"params": {"expected_role": "primary"}},
    ),
    "no role is expected": Case(
        check="pg.expected-role", plant=nothing, state="skipped", says="", quiet=frozenset({"skipped"})
    ),
    "another cluster than expected": Case(
        check="pg.system-identifier", plant=nothing, state="critical", says="expected is 7",
        values={"params": {"expected_identifier": "7"}},
    ),
    "the same role": Case(check="pg.role-changed", plant=nothing, state="ok", says="primary on timeline 1", before=BEFORE),
    "full queue of notifications": Case(
        check="pg.notification-queue", plant=notifications, state="warning", says="of the notification queue is used",
        values={"warning": "used > 0.001%"}, healthy={"warning": "used > 0.001%"},
    ),
    "behind on releases": Case(
        check="pg.minor-release", plant=nothing, state="warning", says="behind",
        values={"params": OLD_LIST}, healthy={"params": NEW_LIST},
    ),
    "an old list": Case(
        check="pg.minor-release", plant=nothing, state="unknown", says="knows nothing newer",
        values={"params": {**NEW_LIST, "releases_known_at": "2024-03-01"}}, healthy={"params": NEW_LIST},
    ),
    "a version that no list has": Case(
        check="pg.minor-release", plant=nothing, state="unknown", says="is in no list of releases",
        values={"params": {"releases": ["9.6 until 2021-11-11"]}}, healthy={"params": NEW_LIST},
    ),
    "end of life": Case(
        check="pg.end-of-life", plant=nothing, state="critical", says="has not been supported since 2020-01-01",
        values={"params": OLD_LIST}, healthy={"params": NEW_LIST},
    ),
    "end of life is near": Case(
        check="pg.end-of-life", plant=nothing, state="warning", says="is supported until 2026-05-01",
        values={"params": SOON}, healthy={"params": NEW_LIST},
    ),
    "another version": Case(
        check="pg.expected-version", plant=nothing, state="warning", says=", expected is 9.6",
        values={"params": {"expected_version": "9.6"}}, quiet=frozenset({"skipped"}),
    ),
    "a clock that is wrong": Case(
        check="pg.clock-skew", plant=nothing, state="critical", says="the server's clock is at least",
        healthy={"warning": False, "critical": False},
    ),
}  # fmt: skip


@pytest.mark.quick
def test_they_are_seen_by_whoever_may_and_never_called_well(
    tmp_path: Path, patient: Server, database: Database
) -> None:
    examine_together(CASES, tmp_path, patient, database)


@shows("pg.clock-skew", loud=False)
def test_clocks_that_agree(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    use.write("pg.clock-skew")
    said = use.look()
    assert (said["state"], said["summary"]) == ("ok", "no difference between the clocks is seen")


@shows("pg.expected-version", loud=False)
def test_this_very_version_is_expected(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    version = database_of(patient).value("select split_part(current_setting('server_version'), ' ', 1)")
    for expected in (str(patient.major), version):
        use.write("pg.expected-version", params={"expected_version": expected})
        assert use.look()["state"] == "ok"


def test_a_list_in_the_home_wins_over_the_shipped_one(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    own = use.path / "checks.d" / "catalogue"
    own.mkdir(parents=True)
    shipped = (CATALOGUE / "versions.yaml").read_text()
    start, end = shipped.index("  releases:\n"), shipped.index("jobs:\n")
    mine = "".join(f"    - {major}.77 until 2999-01-01\n" for major in range(13, 30))
    (own / "versions.yaml").write_text(f"{shipped[:start]}  releases:\n{mine}{shipped[end:]}")
    use.write("pg.minor-release")
    assert f"behind {patient.major}.77" in use.look("--now", "2026-06-01")["summary"]


@shows("pg.reachable", "pg.crash-recovery")
def test_a_server_that_crashes_fills_up_stops_and_comes_back(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server({"max_connections": str(CONNECTIONS)})
    database = database_of(server)
    database.execute("create role nobody login")
    homes = {
        (check, user): Use(tmp_path / check / user, server.options("postgres", user))
        for check in ("pg.crash-recovery", "pg.reachable", "pg.restarted")
        for user in ("postgres", "nobody")
    }
    for (check, _), use in homes.items():
        use.write(check, **({"warning": "changed(started)"} if check == "pg.restarted" else {}))
    looks = {key: use.look("--now", "2026-03-04T01:00Z")["state"] for key, use in homes.items()}
    assert [looks[check, "postgres"] for check in ("pg.crash-recovery", "pg.reachable", "pg.restarted")] == [
        "learning", "ok", "learning",
    ]  # fmt: skip
    assert [looks["pg.crash-recovery", "nobody"], looks["pg.reachable", "nobody"]] == ["unknown", "ok"]

    crash(server)
    crashed = homes["pg.crash-recovery", "postgres"].look("--now", "2026-03-04T02:00Z")
    assert (crashed["state"], "were started anew" in crashed["findings"][0]["message"]) == ("warning", True)
    assert homes["pg.crash-recovery", "nobody"].look("--now", "2026-03-04T02:00Z")["state"] == "unknown"
    assert homes["pg.restarted", "postgres"].look("--now", "2026-03-04T02:00Z")["state"] == "ok"
    assert homes["pg.crash-recovery", "postgres"].look("--now", "2026-03-04T03:00Z")["state"] == "ok"

    with ExitStack() as stack:
        while full(stack, database):
            pass
        found = homes["pg.reachable", "nobody"].look()
        assert (found["state"], "connection slots" in found["summary"] or "too many" in found["summary"]) == (
            "critical",
            True,
        )

    server.restart()
    assert homes["pg.restarted", "nobody"].look("--now", "2026-03-05T02:00Z")["state"] == "warning"
    assert homes["pg.crash-recovery", "postgres"].look("--now", "2026-03-05T02:00Z")["state"] == "ok"
    server.stop()
    down = homes["pg.reachable", "nobody"].look()
    assert (down["state"], "cannot connect" in down["summary"]) == ("critical", True)
    assert homes["pg.crash-recovery", "postgres"].look()["state"] == "unknown"


def crash(server: Server) -> None:
    with psycopg.connect(server.dsn()) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    eventually(lambda: answers(server), what="the end of the recovery")


def answers(server: Server) -> bool:
    try:
        return bool(
            database_of(server).value("select count(*) from pg_stat_activity where backend_type = 'checkpointer'")
        )
    except psycopg.OperationalError:
        return False


def full(stack: ExitStack, database: Database) -> bool:
    """Takes a slot that ordinary roles may use; false when none is left."""
    try:
        stack.enter_context(database.session(user=""))
        with psycopg.connect(database.dsn().replace("user=postgres", "user=nobody"), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


@shows("pg.role-changed", "pg.one-primary", "pg.one-system")
def test_a_failover(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    """A standby is promoted while its primary runs on: two primaries, one cluster; a stranger is neither."""
    primary = own_server({"max_wal_senders": "4"})
    standby = standby_of(primary, tmp_path / "standby")
    stranger = own_server()
    try:
        here = {
            check: Use(tmp_path / check, standby.options()) for check in ("pg.role-changed", "pg.system-identifier")
        }
        for check, use in here.items():
            use.write(check)
            assert [use.look("--now", f"2026-03-04T0{hour}:00Z")["state"] for hour in (1, 2)] == ["learning", "ok"]
        assert cluster(tmp_path, db1=primary, db2=standby) == ("ok", "ok", "")
        assert cluster(tmp_path, db2=standby) == ("critical", "ok", "shop: db2 standby")
        assert cluster(tmp_path, db1=primary, db2=standby, db3=None)[:2] == ("unknown", "unknown")
        assert cluster(tmp_path, db1=primary, db9=stranger)[:2] == ("critical", "critical")

        assert blind_on(tmp_path, standby) == []
        database_of(standby).execute("select pg_promote()")
        promoted = here["pg.role-changed"].look("--now", "2026-03-04T03:00Z")
        assert promoted["state"] == "warning"
        assert promoted["findings"][0]["message"] == "primary on timeline 2, was a standby (timeline 1) before"
        assert here["pg.role-changed"].look("--now", "2026-03-04T04:00Z")["state"] == "ok"
        assert cluster(tmp_path, db1=primary, db2=standby) == ("critical", "ok", "shop: db1, db2 primary")
        assert cluster(tmp_path, db1=None, db2=None)[:2] == ("unknown", "unknown")

        (use := here["pg.system-identifier"]).options = stranger.options()
        use.write("pg.system-identifier")
        assert use.look("--now", "2026-03-04T03:00Z")["state"] == "critical"
    finally:
        standby.remove()


def blind_on(tmp_path: Path, standby: Server) -> list[str]:
    """What the checks of these areas cannot tell on a standby, beside what needs clusters or more runs."""
    home = tmp_path / "standby-checks"
    (home / "checks.d").mkdir(parents=True)
    (home / "runner.yaml").write_text(f"version: 1\ntargets: {{main: {json.dumps(standby.options())}}}\nsinks: {{}}\n")
    names = [f"pg.{name}" for area in AREAS for name in re.findall(r"check: pg\.(\S+)", area.read_text())]
    jobs = [{"check": name.removeprefix("pg."), "use": name} for name in names if not name.startswith("pg.one-")]
    (home / "checks.d" / "it.yaml").write_text(json.dumps({"jobs": jobs}))
    results = runner("run", "it", "--json", home=home).json()["results"]
    assert len(results) > 30
    return [f"{result['job']}: {result['summary']}" for result in results if result["state"] == "unknown"]


def cluster(tmp_path: Path, **members: Server | None) -> tuple[str, str, str]:
    """The states of pg.one-primary and pg.one-system for these targets, and what is told of the roles."""
    home = tmp_path / "cluster"
    (home / "checks.d").mkdir(parents=True, exist_ok=True)
    targets = {
        name: {
            **(server.options() if server else {"host": str(tmp_path), "dbname": "none", "user": "none"}),
            "labels": {"cluster": "shop"},
        }
        for name, server in members.items()
    }
    (home / "runner.yaml").write_text(f"version: 1\ntargets: {json.dumps(targets)}\nsinks: {{}}\n")
    jobs = [{"check": name, "use": f"pg.{name}"} for name in ("one-primary", "one-system")]
    (home / "checks.d" / "it.yaml").write_text(json.dumps({"jobs": jobs}))
    said = runner("run", "it", "--json", home=home)
    assert said.err == ""
    found: dict[str, Any] = {result["job"]: result for result in said.json()["results"]}
    LOOKS.extend((f"pg.{name}", result["state"]) for name, result in found.items())
    told = [finding["message"] for finding in found["one-primary"]["findings"]]
    return found["one-primary"]["state"], found["one-system"]["state"], "".join(told)


def test_no_cluster_is_no_healthy_cluster(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    use.write("pg.one-primary")
    said = use.look()
    assert (said["state"], "no target has the label `cluster`" in said["summary"]) == ("unknown", True)
