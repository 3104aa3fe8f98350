"""The catalogue's checks of indexes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import Case, run_in
from tests.catalogue.structure import area, run_area, settle, sound, states, write_area
from tests.catalogue.together import examine_apart
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import Use, database_of

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


@pytest.mark.quick
def test_loud_for_everybody_who_may_look(tmp_path: Path, patient: Server) -> None:
    examine_apart(CASES, tmp_path, patient)


def test_a_sound_database_is_quiet(tmp_path: Path, patient: Server, database: Database) -> None:
    values = dict.fromkeys(area("indexes"), ANY) | {"pg.oversized-indexes": {}, "pg.unused-indexes": {}}
    with sound(database):
        for user in USERS:
            found = run_area(write_area(tmp_path / user, patient.options("ward", user), "indexes", values))
            assert states(found) == {
                **dict.fromkeys(area("indexes"), "ok"),
                "pg.sequential-scans": "learning" if found["pg.sequential-scans"]["findings"] else "ok",
                "pg.unused-indexes": "skipped",
                "pg.corruption": "skipped",
            }, found


@pytest.mark.parametrize("user", USERS)
@shows("pg.index-builds")
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
@shows("pg.unused-indexes")
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
    database.execute("drop index t_b_idx")
    assert use.look("--now", "2026-03-04T03:00Z")["state"] == "ok"
    database.execute("select pg_stat_reset()")
    none = "select coalesce(sum(idx_scan), 0) = 0 from pg_stat_user_indexes"
    eventually(lambda: database.value(none), what="the reset")
    use.write("pg.unused-indexes", params={"min_size": "0MB", "counted_for": "28 days"})
    young = use.look("--now", "2026-03-11T02:00Z")
    assert (young["state"], "reads have only been counted since" in young["summary"]) == ("unknown", True)


@pytest.mark.parametrize("user", [*USERS, "nobody"])
@shows("pg.sequential-scans")
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
    none = "select coalesce(sum(seq_tup_read), 0) = 0 from pg_stat_user_tables"
    eventually(lambda: database.value(none), what="the reset")
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


_PAGE, _HEADER = 8192, 24


def damage(path: Path, page: int, change: Callable[[list[int]], None]) -> None:
    """Changes the line pointers of a page of the stopped server's file."""
    content = bytearray(path.read_bytes())
    at = page * _PAGE + _HEADER
    pointers = list(struct.unpack_from("<8I", content, at))
    change(pointers)
    struct.pack_into("<8I", content, at, *pointers)
    path.write_bytes(bytes(content))


def out_of_order(pointers: list[int]) -> None:
    pointers[2], pointers[5] = pointers[5], pointers[2]


def too_short(pointers: list[int]) -> None:
    """A row of one byte: the offset stays, the length is 1."""
    pointers[3] = pointers[3] & 0x1FFFF | 1 << 17


@shows("pg.corruption")
def test_pages_that_were_damaged(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server()
    database = database_of(server)
    if not database.value("select count(*) from pg_available_extensions where name = 'amcheck'"):
        pytest.skip("this server's programs come without amcheck")
    run_in(server, *ROLES)
    uses = {user: Use(tmp_path / user, server.options(user=user)) for user in (*USERS, "nobody")}
    for use in uses.values():
        use.write("pg.corruption", params={"max_size": "1MB"})
        assert use.look()["state"] == "skipped"
    database.execute(
        "create schema tools", "create extension amcheck schema tools", "grant usage on schema tools to minimal",
        'create table "T" (id int)', 'insert into "T" select generate_series(1, 200)', 'create index i on "T" (id)',
        "create table sound (id int primary key)", "insert into sound select generate_series(1, 200)",
        "create table large as select generate_series(1, 100000) as id", "vacuum", "checkpoint",
    )  # fmt: skip
    blind = uses["minimal"].look()
    assert (blind["state"], "grant execute on function" in blind["summary"]) == ("unknown", True)
    run_in(server, blind["summary"][blind["summary"].index("grant execute") :])
    for user in USERS:
        said = uses[user].look()
        assert (said["state"], "; 1 above 1MB left out" in said["summary"]) == ("ok", True), said["findings"]
    with database.session("begin", "lock table sound in access exclusive mode"):
        uses["minimal"].write("pg.corruption", params={"max_size": "1MB"}, lock_timeout="100ms")
        locked = uses["minimal"].look()
    told = {finding["row"][-1]: finding["message"] for finding in locked["findings"]}
    assert (locked["state"], sorted(told)) == ("unknown", ["sound", "sound_pkey"])
    assert "is locked and was not read" in told["sound"]
    table, index = (server.data / database.value(f"select pg_relation_filepath('{name}')") for name in ('"T"', "i"))
    server.stop()
    damage(index, 1, out_of_order)
    damage(table, 0, too_short)
    server.resume()
    for user in USERS:
        found = uses[user].look()
        assert found["state"] == "critical"
        bad = {finding["row"][-1]: finding["hint"] for finding in found["findings"] if finding["state"] == "critical"}
        assert set(bad) == {"T", "i"}
        assert bad["i"] == "reindex index concurrently public.i"
    assert uses["nobody"].look()["state"] == "unknown"
