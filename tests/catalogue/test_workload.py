"""Workload: caches, statements, I/O, and the counters that all of it is told by."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import Case, run_in
from tests.catalogue.plants import setting, statements
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.postgres import SETTINGS, Database, eventually
from tests.shipped.support import Use, database_of

BEFORE = ("2026-03-04T01:00Z",)
ONCE = {"for": "1 run"}
PAGES = 6000
"""More than the servers under test have in shared_buffers (16 MB)."""


def reads(stack: ExitStack, server: Server, database: Database) -> None:
    """A table of a row a page that is read several times, and counted."""
    database.execute(
        "create table wide (v text) with (autovacuum_enabled = off)", "alter table wide alter v set storage plain",
        f"insert into wide select repeat('x', 5000) from generate_series(1, {PAGES})",
        *["select count(*) from wide"] * 4,
    )  # fmt: skip
    look = "select blks_read from pg_stat_database where datname = 'ward'"
    eventually(lambda: database.value(look) > PAGES, what="the counted reads")


def rollbacks(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("do $$ begin for i in 1..2000 loop rollback; end loop; end $$")
    look = "select xact_rollback from pg_stat_database where datname = 'ward'"
    eventually(lambda: database.value(look) >= 2000, what="the counted rollbacks")


def unread_notifications(stack: ExitStack, server: Server, database: Database) -> None:
    """A listener that was busy has to read from disk what its cache no longer holds."""
    with database.session("listen news", "begin") as listener:
        for _ in range(40):
            database.execute("select pg_notify('news', repeat('x', 7000) || n) from generate_series(1, 20) n")
        listener.execute("commit")
    look = "select sum(blks_read) from pg_stat_slru where name ilike 'notify'"
    eventually(lambda: database.value(look) > 100, what="the counted reads")


CACHE = {"params": {"reads_per_second": 0.5, "low": "99%", "drop": "1%"}}
SLRU = {"params": {"reads_per_second": 0.01, "low": "99.9%"}, **ONCE}
ROLLED = {"params": {"per_second": 0.1}}
DISKS = {"params": {"warn_read": "1us", "critical_read": "1h", "per_second": 0.05}, **ONCE}
RESET = statements("select pg_stat_reset()")

CASES: dict[str, Case] = {
    "reads from disk": Case(
        check="pg.cache-hit-ratio", plant=reads, state="warning", says="of the pages came from", values=CACHE,
        healthy=CACHE, before=BEFORE,
    ),
    "reads are slow": Case(
        check="pg.io-latency", plant=reads, state="warning", says=": a read took", values=DISKS, healthy=ONCE,
        before=BEFORE,
    ),
    "the notification cache": Case(
        check="pg.slru-reads", plant=unread_notifications, state="warning", says="otify: ", values=SLRU, healthy=SLRU,
        before=BEFORE,
    ),
    "failing transactions": Case(
        check="pg.rollback-ratio", plant=rollbacks, state="warning", says="ward: ", values=ROLLED, before=BEFORE,
    ),
    "no ratio over a reset": Case(
        check="pg.cache-hit-ratio", plant=RESET, state="unknown", says="ward: ", before=BEFORE,
    ),
    "no rollbacks over a reset": Case(
        check="pg.rollback-ratio", plant=RESET, state="unknown", says="ward: ", before=BEFORE,
    ),
    "no throughput over a reset": Case(
        check="pg.throughput", plant=RESET, state="unknown", says="ward: ", values=ONCE, healthy=ONCE, before=BEFORE,
    ),
    "a reset": Case(
        check="pg.statistics-reset", plant=RESET, state="warning", says="the statistics of database ward were reset",
        before=BEFORE,
    ),
    "a reset of the archiver": Case(
        check="pg.statistics-reset", plant=statements("select pg_stat_reset_shared('archiver')"), state="warning",
        says="the statistics of archiver were reset", before=BEFORE,
    ),
}  # fmt: skip


@pytest.mark.quick
@pytest.mark.parametrize("resets", [False, True])
def test_silent_when_healthy_and_loud_when_not(
    tmp_path: Path, patient: Server, database: Database, resets: bool
) -> None:
    cases = {name: case for name, case in CASES.items() if ("a reset" in name) is resets}
    examine_together(cases, tmp_path, patient, database)


@shows("pg.throughput")
def test_a_database_whose_application_went_away(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path, patient.options("ward", "nobody"))
    use.write("pg.throughput", params={"at_least": 0.1})
    states = []
    for hour, work in enumerate((0, 3000, 3000, 0, 0, 3000)):
        before = transactions(database)
        database.execute(f"do $$ begin for i in 1..{work} loop commit; end loop; end $$")
        eventually(lambda before=before, work=work: transactions(database) >= before + work, what="the count")
        found = use.look("--now", f"2026-03-04T0{hour}:00Z")
        states.append(found["state"])
    assert states == ["learning", "learning", "ok", "warning", "warning", "ok"]


def transactions(database: Database) -> int:
    return int(database.value("select xact_commit + xact_rollback from pg_stat_database where datname = 'ward'"))


@shows("pg.function-time")
def test_a_function_that_is_busy(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path, patient.options("ward", "nobody"))
    use.write("pg.function-time", params={"busy": 0.00001})
    assert use.look("--now", "2026-03-04T00:00Z")["state"] == "skipped"
    with ExitStack() as stack:
        setting("track_functions", "all")(stack, patient, database)
        database.execute(
            "create function \"F\"() returns void language plpgsql as 'begin perform pg_sleep(0.1); end'",
            'select "F"()',
        )
        counted(database, 1)
        assert use.look("--now", "2026-03-04T01:00Z")["state"] == "learning"
        assert use.look("--now", "2026-03-04T02:00Z")["state"] == "ok"
        database.execute('select "F"()')
        counted(database, 2)
        found = use.look("--now", "2026-03-04T03:00Z")
        assert (found["state"], 'public."F" kept' in found["findings"][0]["message"]) == ("warning", True)
        database.execute("select pg_stat_reset()", *['select "F"()'] * 3)
        counted(database, 3)
        assert use.look("--now", "2026-03-04T04:00Z")["state"] == "unknown"


def counted(database: Database, calls: int) -> None:
    eventually(lambda: database.execute("select calls from pg_stat_user_functions") == [(calls,)], what="the calls")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, patient: Server) -> Iterator[Server]:
    """A server that counts statements."""
    needs(patient, "pg_stat_statements")
    folder = tmp_path_factory.mktemp("clinic")
    folder.chmod(0o755)
    counting = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "100"}
    started = Server.start(folder / "pg", {**SETTINGS, **counting}, programs=patient.installation.folder)
    run_in(started, *ROLES, "create extension pg_stat_statements")
    yield started
    started.remove()


def needs(server: Server, extension: str) -> None:
    if not database_of(server).value(f"select count(*) from pg_available_extensions where name = '{extension}'"):
        pytest.skip(f"this server's programs come without {extension}")


def looks(tmp_path: Path, server: Server, check: str, moment: str, **values: object) -> list[str]:
    """The states that the superuser, a member of pg_monitor and a role with nothing are told."""
    states = []
    for user in ("postgres", "minimal", "nobody"):
        use = Use(tmp_path / f"{check}-{user}", server.options(user=user))
        use.write(check, **values)
        state = use.look("--now", moment)["state"]
        # Statements that are seen for the first time are always among those that are looked at.
        states.append("quiet" if state in {"ok", "learning"} else state)
    return states


@shows("pg.slow-statements", "pg.statement-regression")
def test_statements_that_are_slow_and_became_slower(tmp_path: Path, clinic: Server) -> None:
    slow = {"params": {"slow": "40ms", "busy": 0.0001, "calls": 10}}
    slower = {"params": {"slow": "20ms", "calls": 10, "times": 4}, **ONCE}

    def both(moment: str) -> list[list[str]]:
        return [looks(tmp_path, clinic, "pg.slow-statements", moment, **slow),
                looks(tmp_path, clinic, "pg.statement-regression", moment, **slower)]  # fmt: skip

    run_in(clinic, *["select pg_sleep(0.001)"] * 3)
    assert both("2026-03-04T00:00Z") == [["quiet", "quiet", "unknown"]] * 2
    run_in(clinic, *["select pg_sleep(0.001)"] * 12)
    assert both("2026-03-04T01:00Z")[0] == ["quiet", "quiet", "unknown"]
    run_in(clinic, *["select pg_sleep(0.05)"] * 12)
    assert both("2026-03-04T02:00Z") == [["warning", "warning", "unknown"]] * 2
    assert both("2026-03-04T03:00Z")[0] == ["quiet", "quiet", "unknown"]
    run_in(clinic, "select pg_stat_statements_reset()", *["select pg_sleep(0.05)"] * 12)
    assert both("2026-03-04T04:00Z")[0] == ["quiet", "quiet", "unknown"]


def test_no_password_is_told(tmp_path: Path, clinic: Server) -> None:
    run_in(clinic, *["alter role minimal password 'sesame'"] * 2)
    use = Use(tmp_path, clinic.options(user="minimal"))
    use.write("pg.slow-statements", warning="calls > 1")
    told = str(use.look())
    assert ("sesame" in told, "hidden" in told) == (False, True)


@shows("pg.statement-evictions")
def test_more_statements_than_are_held(tmp_path: Path, clinic: Server) -> None:
    def states(moment: str) -> list[str]:
        return looks(tmp_path, clinic, "pg.statement-evictions", moment, params={"an_hour": 1})

    assert states("2026-03-04T00:00Z") == ["quiet"] * 3
    assert states("2026-03-04T01:00Z") == ["quiet"] * 3
    columns = [", ".join(["1"] * width) for width in range(1, 160)]
    run_in(clinic, *(f"select {one}" for one in columns))
    assert states("2026-03-04T02:00Z") == ["warning"] * 3
    run_in(clinic, "select pg_stat_statements_reset()")
    assert states("2026-03-04T03:00Z") == ["unknown"] * 3


def test_statements_that_nobody_counts(tmp_path: Path, patient: Server, database: Database) -> None:
    """The extension is there and its library was not loaded, or it is where the role does not look."""
    needs(patient, "pg_stat_statements")
    for check in ("pg.slow-statements", "pg.statement-regression", "pg.statement-evictions"):
        use = Use(tmp_path / check, patient.options("ward"))
        use.write(check)
        assert use.look()["state"] == "skipped"
    database.execute("create schema away", "create extension pg_stat_statements schema away")
    told = use.look()
    assert (told["state"], "outside of the search_path" in told["summary"]) == ("unknown", True)
    database.execute("alter extension pg_stat_statements set schema public")
    told = use.look()
    assert (told["state"], "shared_preload_libraries" in told["summary"]) == ("unknown", True)


@pytest.mark.pg(">=16")
@shows("pg.buffer-cache-content")
def test_a_cache_full_of_pages_to_write(tmp_path: Path, patient: Server, database: Database) -> None:
    needs(patient, "pg_buffercache")
    database.execute("create extension pg_buffercache", "checkpoint")
    states = []
    for user in ("postgres", "minimal", "nobody"):
        use = Use(tmp_path / user, patient.options("ward", user))
        use.write("pg.buffer-cache-content", params={"dirty": "30%"}, **ONCE)
        states.append((use, use.look()["state"]))
    assert [state for _, state in states] == ["ok", "ok", "unknown"]
    database.execute("create table t (id int)", "insert into t select generate_series(1, 300000)")
    assert [use.look()["state"] for use, _ in states] == ["warning", "warning", "unknown"]


@shows("pg.data-checksums", calm=False)
@pytest.mark.pg("<18")
def test_no_checksums(tmp_path: Path, patient: Server) -> None:
    """From 18 on initdb switches them on."""
    use = Use(tmp_path, patient.options(user="nobody"))
    use.write("pg.data-checksums")
    assert use.look()["state"] == "warning"


@shows("pg.checksum-failures")
@shows("pg.data-checksums", loud=False)
def test_a_page_that_the_disk_has_damaged(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server()
    database = database_of(server)
    enabled, failures = Use(tmp_path / "a", server.options()), Use(tmp_path / "b", server.options())
    enabled.write("pg.data-checksums")
    failures.write("pg.checksum-failures")
    if server.major < 18:
        assert [enabled.look()["state"], failures.look()["state"]] == ["warning", "skipped"]
        if not (server.installation.folder / "pg_checksums").exists():
            pytest.skip("this server's programs come without pg_checksums")
        server.stop()
        server._program("pg_checksums", "--enable", f"--pgdata={server.data}")
        server.resume()
    assert [enabled.look()["state"], failures.look()["state"]] == ["ok", "ok"]
    database.execute("create table t as select generate_series(1, 1000) n", "checkpoint")
    path = server.data / database.value("select pg_relation_filepath('t')")
    server.stop()
    page = bytearray(path.read_bytes())
    page[5000] ^= 0xFF
    path.write_bytes(bytes(page))
    server.resume()
    with pytest.raises(psycopg.errors.DataCorrupted):
        database.execute("select count(*) from t")
    run_in(server, *ROLES)
    for user in ("postgres", "minimal", "nobody"):
        failures.options = server.options(user=user)
        failures.write("pg.checksum-failures")
        found = eventually(lambda: (seen := failures.look())["state"] == "critical" and seen, what="the count")
        assert "postgres: 1 page with a wrong checksum" in found["findings"][0]["message"]


@pytest.mark.pg(">=17")
@shows("pg.huge-pages", calm=False)
def test_no_huge_pages(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path, patient.options(user="nobody"))
    use.write("pg.huge-pages")
    assert use.look()["state"] == "skipped"
    use.write("pg.huge-pages", applies_if="select true")
    status = database_of(patient).value("select current_setting('huge_pages_status')")
    assert use.look()["state"] == ("warning" if status == "off" else "ok")


@pytest.mark.pg("<15")
@shows("pg.statistics-collector")
def test_statistics_that_stand_still(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server()
    use = Use(tmp_path, server.options())
    use.write("pg.statistics-collector", warning="age > 1s")
    assert use.look()["state"] == "ok"
    collector = child_of(server, "stats collector")
    os.kill(collector, signal.SIGSTOP)
    try:
        found = eventually(
            lambda: (seen := use.look())["state"] == "warning" and seen, what="old statistics", seconds=60
        )
        assert "the statistics are" in found["summary"]
    finally:
        os.kill(collector, signal.SIGCONT)


def child_of(server: Server, title: str) -> int:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == server.pid and title in (place / "cmdline").read_text():
                return int(place.name)
        except (OSError, ValueError):
            continue
    raise AssertionError(f"the server has no process {title!r}")


@pytest.mark.parametrize(
    ("check", "loud", "quiet"),
    [
        ("host.load", {"params": {"warn": -1, "critical": 100000}}, {"params": {"warn": 50000, "critical": 100000}}),
        ("host.memory", {"params": {"warn": "100%", "critical": "0%"}}, {"params": {"warn": "0%", "critical": "0%"}}),
    ],
)
@shows("of:check")
def test_a_host_with_too_much_to_do(
    tmp_path: Path, patient: Server, check: str, loud: dict[str, object], quiet: dict[str, object]
) -> None:
    use = Use(tmp_path, patient.options())
    once = ONCE if check == "host.load" else {}
    for values, state in ((quiet, "ok"), (loud, "warning")):
        use.write(check, **values, **once)
        assert use.look()["state"] == state


@pytest.mark.parametrize("check", ["host.oom-kills", "host.swapping"])
@shows("of:check", loud=False)
def test_counters_of_the_host(tmp_path: Path, patient: Server, check: str) -> None:
    """What is loud is shown in the checks' own tests: nothing here may use up the host's memory."""
    use = Use(tmp_path, patient.options())
    use.write(check)
    assert [use.look("--now", f"2026-03-04T0{hour}:00Z")["state"] for hour in (1, 2)] == ["learning", "ok"]


@shows("host.log-messages")
@pytest.mark.parametrize("form", ["stderr", "csvlog", pytest.param("jsonlog", marks=pytest.mark.pg(">=15"))])
def test_what_the_log_tells(tmp_path: Path, own_server: Callable[..., Server], form: str) -> None:
    server = own_server({"logging_collector": "on", "log_destination": form, "log_filename": "server.log"})
    log = server.data / "log" / {"stderr": "server.log", "csvlog": "server.csv", "jsonlog": "server.json"}[form]
    database = database_of(server)
    use = Use(tmp_path / "home", server.options())
    use.write("host.log-messages", **{"with": {"paths": [str(log)]}}, params={"max_errors": 0})
    eventually(lambda: log.exists() and log.stat().st_size, what="the log")
    assert use.look()["state"] == "ok"
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.execute("select 1 / 0")
    found = eventually(lambda: (seen := use.look())["state"] == "warning" and seen, what="the error")
    assert [finding["row"][0] for finding in found["findings"]] == ["errors"]
    with psycopg.connect(server.dsn()) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
    found = eventually(lambda: (seen := use.look())["state"] == "critical" and seen, what="the crash")
    assert any("was terminated by signal 9" in finding["message"] for finding in found["findings"])
