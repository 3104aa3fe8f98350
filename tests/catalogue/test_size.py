"""The checks of sizes, files and disks, and what a standby says of them and of vacuum, bloat and sequences."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, run_in
from tests.catalogue.together import Ward, examine_together
from tests.catalogue.uses import becomes, homes, told
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.standby import standby_of
from tests.shipped.support import database_of

GROWN: dict[str, object] = {"warning": "growth(size, 7d) > 5% and size - at(size, 7d) > 1MB"}
FULL: dict[str, object] = {"critical": "free > 0B", "warning": False}
ROOMY: dict[str, object] = {"critical": "free < 0B", "warning": False}
WEEK_BEFORE = ("2026-02-25T03:00Z",)
SORT = "select n from generate_series(1, 200000) n order by n desc"


def growth(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table big as select repeat('x', 1000) as v from generate_series(1, 12000)")


def spilled(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("set work_mem = '64kB'", f"select count(*) from ({SORT} offset 0) s")


def still_open(stack: ExitStack, server: Server, database: Database) -> None:
    cursor = ("set work_mem = '64kB'", "begin", f"declare c cursor for {SORT}", "fetch 1 from c")
    stack.enter_context(database.session(*cursor))


def left_behind(stack: ExitStack, server: Server, database: Database) -> None:
    spilled(stack, server, database)  # makes the folder
    file = server.data / "base" / "pgsql_tmp" / "pgsql_tmp4190000.0"
    file.write_bytes(bytes(50_000))
    stack.callback(file.unlink)


def nothing(stack: ExitStack, server: Server, database: Database) -> None:
    return None


CASES = {
    "growth of a database": Case(
        check="pg.database-size", plant=growth, state="warning", says="ward is", values=GROWN, healthy=GROWN, before=WEEK_BEFORE
    ),
    "growth of a tablespace": Case(
        check="pg.tablespace-size", plant=growth, state="warning", says="pg_default (data directory) holds", values=GROWN,
        healthy=GROWN, before=WEEK_BEFORE,
    ),
    "spilled": Case(
        check="pg.temporary-files", plant=spilled, state="warning", says="ward: ", values={"params": {"warn_per_hour": "1MB"}}
    ),
    "open temporary files": Case(
        check="pg.temporary-space", plant=still_open, state="critical", says="temporary files with",
        values={"params": {"warn_size": "1kB", "critical_size": "2kB"}},
    ),
    "orphaned temporary files": Case(
        check="pg.temporary-space", plant=left_behind, state="warning", says="48.8 kB of it left by processes that are gone",
        values={"params": {"warn_orphaned": "40kB"}},
    ),
    "a full disk": Case(check="host.disk-space", plant=nothing, state="critical", says="used", values=FULL, healthy=ROOMY),
    "a disk that is not there": Case(
        check="host.disk-space", plant=nothing, state="unknown", says="/gone: No such file", healthy=ROOMY,
        values={"with": {"paths": ["/gone"]}},
    ),
    "no forecast for a disk that is not there": Case(
        check="host.disk-forecast", plant=nothing, state="unknown", says="/gone: No such file", healthy=ROOMY,
        values={"with": {"paths": ["/gone"]}},
    ),
    "a disk that soon is full": Case(
        check="host.disk-forecast", plant=nothing, state="critical", says="used", values=FULL, healthy=ROOMY
    ),
}  # fmt: skip


@pytest.mark.quick
def test_loud_when_not_healthy(tmp_path: Path, patient: Server, database: Database) -> None:
    examine_together(CASES, tmp_path, patient, database)


def test_a_database_that_may_not_be_entered(tmp_path: Path, patient: Server, database: Database) -> None:
    run_in(patient, "create database closed", "revoke connect on database closed from public")
    try:
        uses = homes(tmp_path, patient, database.name, "pg.database-size")
        assert [uses[role].look()["state"] for role in uses] == ["learning", "learning", "unknown"]
        assert "closed is n/a" in told(uses["nobody"].look())
    finally:
        run_in(patient, "drop database closed")


@shows("pg.table-size")
def test_partitions_count_as_one_table(tmp_path: Path, patient: Server, database: Database) -> None:
    rows = "insert into p select n, repeat('x', 300) from generate_series({}, {}) n"
    database.execute(
        'create schema "my.app"', "create table p (id int, v text) partition by range (id)",
        "create table p1 partition of p for values from (0) to (1000) partition by range (id)",
        "create table p11 partition of p1 for values from (0) to (1000)",
        'create table "my.app"."P 2" partition of p for values from (1000) to (100000)',
        "create index on p (id)", rows.format(1, 900), rows.format(1001, 1900), "analyze",
    )  # fmt: skip
    uses = homes(tmp_path, patient, database.name, "pg.table-size", params={"min_growth": "1MB"})
    for use in uses.values():
        first = use.look("--now", WEEK_BEFORE[0])
        assert (first["state"], "public.p is about" in told(first), "in 2 partitions" in told(first)) == (
            "learning",
            True,
            True,
        )
        assert [name for name in ("p1", "P 2") if name in told(first)] == []
    database.execute(rows.format(2001, 9000), "analyze")
    with database.session("begin", "lock table p in access exclusive mode"):
        for role, use in uses.items():
            found = use.look("--now", "2026-03-04T03:00Z")
            assert (found["state"], "public.p is about" in told(found)) == ("warning", True), role
            assert use.look("--now", "2026-03-11T03:00Z")["state"] == "ok", role


def test_counters_of_temporary_files_that_were_reset(tmp_path: Path, patient: Server, database: Database) -> None:
    with ExitStack() as stack:
        spilled(stack, patient, database)
        eventually(
            lambda: database.value("select temp_bytes from pg_stat_database where datname = 'ward'"), what="the files"
        )
        uses = homes(tmp_path, patient, database.name, "pg.temporary-files")
        assert {use.look("--now", "2026-03-04T02:00Z")["state"] for use in uses.values()} == {"learning"}
        assert {use.look("--now", "2026-03-04T03:00Z")["state"] for use in uses.values()} == {"ok"}
        database.execute("select pg_stat_reset()")
        for use in uses.values():
            assert "was the counter reset?" in told(becomes(use, "unknown", now="2026-03-04T04:00Z"))


@shows("pg.log-directory")
def test_the_log_directory(tmp_path: Path, own_server: Callable[..., Server], patient: Server) -> None:
    for use in homes(tmp_path / "off", patient, "postgres", "pg.log-directory", roles=("postgres", "minimal")).values():
        assert use.look()["state"] == "skipped"
    server = own_server({"logging_collector": "on", "log_statement": "all"})
    run_in(server, "create role minimal login in role pg_monitor", "create role nobody login")
    uses = homes(tmp_path, server, "postgres", "pg.log-directory")
    if server.major < 17:
        blind = uses["minimal"].look()
        grant = "grant execute on function pg_catalog.pg_current_logfile() to minimal"
        assert (blind["state"], grant in blind["summary"]) == ("unknown", True)
        run_in(server, grant)
    assert [uses[role].look()["state"] for role in uses] == ["ok", "ok", "unknown"]
    for file in (server.data / "log").iterdir():
        file.unlink()
    for role in ("postgres", "minimal"):
        gone = uses[role].look()
        assert (gone["state"], "is not there any more" in gone["summary"]) == ("critical", True)
    run_in(server, "select pg_rotate_logfile()")
    for role in ("postgres", "minimal"):
        uses[role].write("pg.log-directory", params={"warn_size": "1B"})
        run_in(server, "select 'a line in the log'")
        becomes(uses[role], "warning")


PRIMARY_ONLY = (
    "pg.dead-rows", "pg.autovacuum-overdue", "pg.stale-statistics", "pg.never-analyzed", "pg.partitioned-tables-not-analyzed",
    "pg.last-vacuum", "pg.autovacuum-workers", "pg.long-vacuum", "pg.hot-updates",
)  # fmt: skip
EXHAUSTION = "pg.sequence-exhaustion"
EVERYWHERE = (
    "pg.autovacuum-disabled-tables", "pg.unpopulated-materialized-views", "pg.autovacuum-throttling", "pg.table-bloat",
    "pg.index-bloat", "pg.cycling-sequences", "pg.database-size", "pg.table-size", "pg.tablespace-size", "pg.temporary-files",
    "pg.temporary-space",
)  # fmt: skip


def test_a_standby(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    primary = own_server({"max_wal_senders": "4"})
    run_in(primary, "create role minimal login in role pg_monitor", "create role nobody login", "create database ward")
    database_of(primary, "ward").execute(
        "create table t (id int)", "insert into t select generate_series(1, 20000)", "delete from t where id > 10",
        "create unlogged table u (id serial)", "create sequence s maxvalue 100", "grant select on all sequences in schema public to minimal",
        "select setval('s', 90)",
    )  # fmt: skip
    standby = standby_of(primary, tmp_path / "standby")
    try:
        eventually(lambda: database_of(standby, "ward").value("select pg_is_in_recovery()"), what="the standby")
        cases = {
            name: Case(check=name, plant=nothing, state="ok", says="")
            for name in (*PRIMARY_ONLY, *EVERYWHERE, EXHAUSTION)
        }
        for user in ("postgres", "minimal"):
            ward = Ward(tmp_path / user, standby.options("ward", user))
            ward.write(cases, healthy=True)
            found = ward.look(cases, "2026-03-04T02:00Z")
            states = {name: result["state"] for name, result in found.items()}
            told_of = {name: states.pop(name) for name in (*PRIMARY_ONLY, EXHAUSTION)}
            assert told_of == {**dict.fromkeys(PRIMARY_ONLY, "skipped"), EXHAUSTION: "warning"}
            assert set(states.values()) <= {"ok", "learning"}, states
            assert "public.s has used 89.9 %" in told(found[EXHAUSTION])
    finally:
        standby.remove()
