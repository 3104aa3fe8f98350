"""The catalogue's checks of indexes."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, examine
from tests.catalogue.structure import area, run_area, settle, sound, states, write_area
from tests.postgres import Database, eventually
from tests.shipped.support import Use

ANY: dict[str, object] = {"params": {"min_size": "0MB"}}
USERS = ("postgres", "minimal")


def invalid_index(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int)", "insert into t values (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute("create unique index concurrently broken on t (id)")


def unfinished_partitioned_index(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table p (id int) partition by list (id)",
        "create table p1 partition of p for values in (1)",
        "create table p2 partition of p for values in (2)",
        "create index half on only p (id)",
        "create index p1_id on p1 (id)",
        "alter index half attach partition p1_id",
    )


def duplicates(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        'create schema "od.d"',
        'create table "od.d"."T" (id int primary key, "A" int, b text collate "C")',
        'create index one on "od.d"."T" ("A", (lower(b))) where b is not null',
        'create index two on "od.d"."T" ("A",  ( lower( b ) ))   where   b is not null',
    )


def duplicate_of_a_key(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int primary key)", "create index again on t (id)")


def duplicate_constraint(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int primary key)", "alter table t add constraint again unique (id)")


def duplicates_of_partitions(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table p (id int) partition by list (id)",
        "create table p1 partition of p for values in (1)",
        "create index one on p (id)",
        "create index two on p (id)",
    )


def redundant(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (a int, b int)", "create index short on t (a)", "create index long on t (a, b)")


def foreign_key_without_index(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table r (id int primary key)",
        'create table "order" (id int primary key, "R" int references r)',
        'create index partial on "order" ("R") where id > 5',
        'create index behind on "order" (id, "R")',
    )


def foreign_key_of_partitions(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table r (id int primary key)",
        "create table p (id int, r int references r) partition by list (id)",
        "create table p1 partition of p for values in (1)",
        "create table p2 partition of p for values in (2)",
        "create table p3 partition of p for values in (3)",
        "create index on p1 (r)",
    )


def emptied(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table q (id int primary key)",
        "insert into q select generate_series(1, 30000)",
        "delete from q",
        "vacuum q",
    )


def other_sort_order(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create collation drift (provider = libc, locale = 'C')",
        "update pg_collation set collversion = '1' where collname = 'drift'",
        "create table t (name text collate drift primary key)",
    )


def unused_collation(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create collation drift (provider = libc, locale = 'C')",
        "update pg_collation set collversion = '1' where collname = 'drift'",
    )


CASES: dict[str, Case] = {
    "invalid index": Case(
        check="pg.invalid-indexes", plant=invalid_index, state="warning", says="public.broken on t is invalid, its uniqueness"
    ),
    "a partition lacks its index": Case(
        check="pg.invalid-indexes", plant=unfinished_partitioned_index, state="warning", says="public.half on p is invalid: a"
    ),
    "duplicates, written differently": Case(
        check="pg.duplicate-indexes", plant=duplicates, state="warning",
        says='od.d.two on "od.d"."T" is the same as one',
    ),
    "a duplicate of the primary key": Case(
        check="pg.duplicate-indexes", plant=duplicate_of_a_key, state="warning", says="public.again on t is the same as t_pkey"
    ),
    "a duplicate constraint": Case(
        check="pg.duplicate-indexes", plant=duplicate_constraint, state="warning", says="public.again on t is the same as t_pkey"
    ),
    "duplicates of partitioned indexes": Case(
        check="pg.duplicate-indexes", plant=duplicates_of_partitions, state="warning", says="public.two on p is the same as one"
    ),
    "redundant": Case(
        check="pg.redundant-indexes", plant=redundant, state="warning", says="public.short on t (about 8.0 kB) is covered by long",
        values=ANY,
    ),
    "foreign key without index": Case(
        check="pg.foreign-keys-without-index", plant=foreign_key_without_index, state="warning",
        says='public.order ("R") refers to r without an index', values=ANY,
    ),
    "foreign key of partitions": Case(
        check="pg.foreign-keys-without-index", plant=foreign_key_of_partitions, state="warning",
        says="public.p (r) refers to r without an index, in 2 partitions", values=ANY,
    ),
    "larger than its table": Case(
        check="pg.oversized-indexes", plant=emptied, state="warning", says="its table q only 0 B",
        values={"params": {"min_size": "600kB"}},
    ),
    "the sort order changed": Case(
        check="pg.collation-version-mismatch", plant=other_sort_order, state="critical",
        says="collation public.drift was recorded with version 1, the system now has none; 1 index sorted by it",
    ),
    "an unused collation": Case(
        check="pg.collation-version-mismatch", plant=unused_collation, state="warning", says="0 indexes sorted by it"
    ),
}  # fmt: skip
ELSEWHERE = {"pg.sequential-scans", "pg.index-builds", "pg.unused-indexes"}
"""Checks with a test of their own below."""


@pytest.mark.parametrize("name", CASES)
def test_loud_for_everybody_who_may_look(tmp_path: Path, patient: Server, database: Database, name: str) -> None:
    examine(CASES[name], tmp_path, patient, database)


def test_a_sound_database_is_quiet(tmp_path: Path, patient: Server, database: Database) -> None:
    values = dict.fromkeys(area("indexes"), ANY) | {"pg.oversized-indexes": {}, "pg.unused-indexes": {}}
    with sound(database):
        for user in USERS:
            found = run_area(write_area(tmp_path / user, patient.options("ward", user), "indexes", values))
            assert states(found) == {
                **dict.fromkeys(area("indexes"), "ok"),
                "pg.sequential-scans": "learning" if found["pg.sequential-scans"]["findings"] else "ok",
                "pg.unused-indexes": "skipped",
            }, found


@pytest.mark.parametrize("user", USERS)
def test_a_build_that_waits_is_not_invalid(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    database.execute("create table t (id int)", "insert into t values (1)", "create index old on t (id)")
    with ExitStack() as stack:
        old = stack.enter_context(database.session("begin", "update t set id = 2"))
        builder, dropper = (stack.enter_context(closing(database.connect())) for _ in range(2))
        options = patient.options("ward", user)
        home = write_area(
            tmp_path, options, "indexes", {"pg.index-builds": {"params": {"wait_after": "1ms", "warn_after": "1h"}}}
        )
        calm = run_area(home, "invalid-indexes", "index-builds")
        assert states(calm) == {"pg.invalid-indexes": "ok", "pg.index-builds": "ok"}
        builder.pgconn.send_query(b"create index concurrently fresh on t (id)")
        waits = "select count(*) from pg_locks where locktype = 'virtualxid' and not granted and waitstart is not null"
        eventually(lambda: database.value(waits) == 1, what="the build")
        building = run_area(home, "invalid-indexes", "index-builds")
        assert states(building) == {"pg.invalid-indexes": "ok", "pg.index-builds": "warning"}
        (finding,) = building["pg.index-builds"]["findings"]
        assert f"for pid {old.info.backend_pid}: create index concurrently fresh" in finding["message"]
        builder.cancel_safe()
        left = "select count(*) from pg_index where not indisvalid"
        eventually(
            lambda: states(run_area(home, "index-builds"))["pg.index-builds"] == "ok", what="the end of the build"
        )
        failed = run_area(home, "invalid-indexes")["pg.invalid-indexes"]["findings"]
        assert [finding["row"][-1] for finding in failed] == ["fresh"]
        dropper.pgconn.send_query(b"drop index concurrently old")
        eventually(lambda: database.value(left) == 2, what="the drop")
        failed = run_area(home, "invalid-indexes")["pg.invalid-indexes"]["findings"]
        assert [finding["row"][-1] for finding in failed] == ["fresh"]


@pytest.mark.parametrize("user", USERS)
def test_unused_for_four_weeks(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    database.execute(
        "create table t (id int primary key, a int, b int)",
        "insert into t select g, g, g from generate_series(1, 5000) g",
        "create index on t (a)",
        "create index on t (b)",
        "analyze t",
    )
    use = Use(tmp_path, patient.options("ward", user))
    use.write("pg.unused-indexes", params={"min_size": "0MB", "counted_for": "0s"})
    assert use.look("--now", "2026-02-04T02:00Z")["state"] == "learning"
    settle(database, "set enable_seqscan = off", "select count(*) from t where a = 5")
    eventually(lambda: database.value("select sum(idx_scan) from pg_stat_user_indexes") == 1, what="the count")
    found = use.look("--now", "2026-03-04T02:00Z")
    told = [finding["message"] for finding in found["findings"] if finding["state"] == "warning"]
    assert (found["state"], told) == ("warning", ["public.t_b_idx on t (128 kB) was not read for four weeks"])
    assert found["findings"][0]["hint"] == "drop index concurrently public.t_b_idx"
    database.execute("select pg_stat_reset()")
    use.write("pg.unused-indexes", params={"min_size": "0MB", "counted_for": "28 days"})
    young = use.look("--now", "2026-03-11T02:00Z")
    assert (young["state"], "reads have only been counted since" in young["summary"]) == ("unknown", True)


@pytest.mark.parametrize("user", [*USERS, "nobody"])
def test_a_large_table_without_an_index(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    settle(
        database,
        "create table p (id int, v int) partition by list (id)",
        "create table p1 partition of p for values in (1)",
        "insert into p select 1, g from generate_series(1, 5000) g",
    )
    use = Use(tmp_path, patient.options("ward", user))
    use.write("pg.sequential-scans", params={"min_rows": 1000, "rows_per_second": 5, "reads_per_hour": 5})
    eventually(lambda: use.look("--now", "2026-03-04T02:00Z")["findings"], what="the counts of the table")
    assert use.look("--now", "2026-03-04T02:30Z")["state"] == "ok"
    settle(database, *["select count(*) from p where v = 5"] * 20)
    read = "select seq_tup_read from pg_stat_user_tables where relname = 'p1'"
    eventually(lambda: database.value(read) == 100_000, what="the reads")
    found = use.look("--now", "2026-03-04T03:30Z")
    assert found["state"] == "warning"
    assert (
        "public.p: 28 rows a second read without an index, the whole table (5,000 rows) 20 times an hour"
        in found["findings"][0]["message"]
    )
    database.execute("select pg_stat_reset()", "analyze p")
    assert use.look("--now", "2026-03-04T04:30Z")["state"] == "unknown"


@pytest.mark.pg(">=15")
@pytest.mark.parametrize("user", [*USERS, "nobody"])
def test_the_default_collation_of_the_database(tmp_path: Path, patient: Server, database: Database, user: str) -> None:
    use = Use(tmp_path, patient.options("ward", user))
    use.write("pg.collation-version-mismatch")
    assert use.look()["state"] == "ok"
    database.execute("update pg_database set datcollversion = '1' where datname = 'ward'")
    assert use.look()["state"] == "warning"
    database.execute("create table t (name text primary key)")
    found = use.look()
    assert (found["state"], found["findings"][0]["hint"]) == (
        "critical",
        "reindex database ward; alter database ward refresh collation version",
    )
