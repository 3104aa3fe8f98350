"""Rebuilding indexes, rewriting tables and freezing, on a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from runner.api import Series, State
from runner.demo.embedded import Server
from tests.kinds.maintained import cells, context_for, dead_rows, maintain, make_dead_rows
from tests.kinds.support import Context
from tests.postgres import Database, Servers, eventually


@pytest.fixture
def context(database: Database) -> Iterator[Context]:
    made = context_for(database)
    with made.sessions:
        yield made


def invalid(database: Database) -> list[str]:
    rows = database.execute(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid order by 1"
    )
    return [name for (name,) in rows]


def bloat(database: Database, name: str = "t") -> None:
    database.execute(
        f"create table {name} as select i, i % 7 as k from generate_series(1, 60000) i",
        f"create index {name}_i on {name} (i)",
        f"create index {name}_k on {name} (k)",
        f"delete from {name} where i % 20 <> 0",
        f"vacuum analyze {name}",
    )


def fail_to_build(database: Database) -> None:
    """An index that could not be built stays behind, invalid."""
    database.execute("create table u as select 1 as i from generate_series(1, 2)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute("create unique index concurrently u_i on u (i)")


WRITES, READS = "insert into t values (1, 1)", "select from t limit 1"


def interrupt(database: Database, by: str = WRITES) -> None:
    """What a rebuild leaves that is cancelled while it waits for an older transaction.

    It waits for one that writes before it has built its copy, and for one that reads when both have changed places.
    """
    with database.session("begin", by), database.connect() as connection:
        connection.execute("set statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("reindex index concurrently t_i")


def test_bloated_indexes_are_rebuilt_the_most_wasteful_first(database: Database, context: Context) -> None:
    bloat(database)
    found = maintain(context, {"reindex": {"indexes": "bloated", "min_size": "500kB"}})
    assert found.state is State.OK
    assert found.summary.startswith("completed: 1 of 1 indexes rebuilt")
    assert "returned in" in found.summary
    assert cells(found)["public.t_i"][1] == "rebuilt"
    by_series = {item.series: item.values for item in found.observations}
    assert by_series[Series("", ("public", "t_i"))]["reindex_seconds"] is not None
    again = maintain(context, {"reindex": {"indexes": "bloated", "min_size": "500kB"}})
    assert again.summary.startswith("completed: no index was chosen (2 looked at, none needs it)")


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [
        ("all", {"public.t_i", "public.t_k"}),
        (["t"], {"public.t_i", "public.t_k"}),
        (["public.t_k"], {"public.t_k"}),
        (["public.*_i"], {"public.t_i"}),
        ({"sql": "select 'public', 't_k'"}, {"public.t_k"}),
    ],
)
def test_which_indexes(database: Database, context: Context, indexes: object, expected: set[str]) -> None:
    database.execute("create table t (i int, k int)", "create index t_i on t (i)", "create index t_k on t (k)")
    found = maintain(context, {"reindex": {"indexes": indexes}})
    assert found.state is State.OK
    assert set(cells(found)) - {"total"} == expected


def test_an_invalid_index_is_rebuilt_or_its_error_told_and_nothing_is_left(
    database: Database, context: Context
) -> None:
    fail_to_build(database)
    found = maintain(context, {"reindex": {}})
    assert found.state is State.CRITICAL
    assert "public.u_i: could not create unique index" in found.findings[0].message
    assert invalid(database) == ["u_i"], "its own copy is gone, the index itself is not ours to drop"
    database.execute("delete from u where ctid = '(0,1)'")
    assert maintain(context, {"reindex": {}}).state is State.OK
    assert invalid(database) == []


def test_so_many_a_run_and_the_rest_is_told(database: Database, context: Context) -> None:
    database.execute("create table t (i int, k int)", "create index t_i on t (i)", "create index t_k on t (k)")
    found = maintain(context, {"reindex": {"indexes": "all", "most": 1}})
    assert found.summary.startswith("completed: 1 of 1 indexes rebuilt")
    assert "1 more indexes are left for the next run" in found.notes


def test_indexes_that_cannot_be_rebuilt_beside_others_are_told(database: Database, context: Context) -> None:
    database.execute("create table r (p int4range, exclude using gist (p with &&))")
    found = maintain(context, {"reindex": {"indexes": "all"}})
    assert [note for note in found.notes if "exclusion constraints cannot be rebuilt concurrently" in note]
    assert found.state is State.OK


@pytest.mark.parametrize(("by", "left"), [(WRITES, "t_i_ccnew"), (READS, "t_i_ccold")])
def test_what_an_interrupted_rebuild_left_is_dropped(database: Database, context: Context, by: str, left: str) -> None:
    bloat(database)
    interrupt(database, by)
    assert invalid(database) == [left]
    found = maintain(context, {"reindex": {}})
    assert found.state is State.OK
    assert f"dropped public.{left}, which an interrupted rebuild had left" in found.notes
    assert found.summary.startswith("completed: ")
    assert "1 leftover index dropped" in found.summary
    assert invalid(database) == []


def test_a_leftover_is_only_named_where_that_is_wanted_or_it_is_a_copy_of_nothing(
    database: Database, context: Context
) -> None:
    bloat(database)
    interrupt(database)
    found = maintain(context, {"reindex": {"leftovers": "report"}})
    assert found.state is State.WARNING
    assert "public.t_i_ccnew, left by an interrupted rebuild: `leftovers: report`" in found.findings[0].message
    database.execute("alter index t_i rename to other")
    found = maintain(context, {"reindex": {}})
    assert "its table has no index t_i that it could be a copy of" in found.findings[0].message
    assert invalid(database) == ["t_i_ccnew"]


@pytest.mark.parametrize(("by", "left"), [(WRITES, "t_i_ccnew"), (READS, "t_i_ccold")])
def test_a_cancelled_rebuild_cleans_up_after_itself(database: Database, context: Context, by: str, left: str) -> None:
    bloat(database)
    with database.session("begin", by) as holder:

        def stop(text: str, share: float | None = None) -> None:
            threading.Thread(target=release).start()

        def release() -> None:
            eventually(lambda: left in invalid(database))
            context.limit = 0.0
            eventually(
                lambda: (
                    not database.value(
                        "select count(*) from pg_stat_activity where query ilike 'reindex%' and state = 'active'"
                    )
                )
            )
            holder.execute("rollback")

        context.progress = stop  # type: ignore[method-assign]
        found = maintain(context, {"reindex": {"indexes": ["t_i"]}})
    assert found.state is State.CRITICAL
    assert found.findings[0].message == "public.t_i: cancelled: the time is up"
    assert f"dropped public.{left}, which an interrupted rebuild had left" in found.notes
    assert invalid(database) == []


def test_an_index_of_somebody_else_names_the_right(server: Servers, database: Database, owner_role: str) -> None:
    database.execute("create table theirs (i int primary key)")
    context = context_for(database, owner_role)
    with context.sessions:
        found = maintain(context, {"reindex": {"indexes": ["theirs"]}})
    [finding] = found.findings
    assert f"{owner_role} is not its owner (postgres is)" in finding.message
    assert ("grant maintain on public.theirs" in finding.message) is (server.major >= 17)


def test_analyze_names_the_right_too(server: Servers, database: Database, owner_role: str) -> None:
    database.execute("create table theirs (i int)")
    context = context_for(database, owner_role)
    with context.sessions:
        found = maintain(context, {"analyze": {"tables": ["theirs"]}})
    [finding] = found.findings
    assert f"{owner_role} is not its owner (postgres is)" in finding.message


# ---- rewriting


def test_full_gives_the_space_back_and_says_before_what_it_locks(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", rows=20000)
    database.execute("analyze a")
    step = {"vacuum": {"full": True, "exclusive": "allowed", "tables": ["a"], "analyze": True}}
    found = maintain(context, step)
    assert found.state is State.OK
    assert found.summary.startswith("completed: 1 of 1 tables rewritten and analyzed")
    assert found.notes[0].startswith("public.a: ACCESS EXCLUSIVE: nobody can read or write it; up to ")
    assert context.said[0] == found.notes[0], "it is said before it is done"
    assert dead_rows(database, "a") == 0


# ---- freezing


def burn(database: Database, transactions: int) -> None:
    with database.connect() as connection:
        connection.execute(
            f"do $$ begin for n in 1..{transactions} loop perform pg_current_xact_id(); commit; end loop; end $$"
        )


def test_old_tables_are_frozen_the_oldest_first(database: Database, context: Context) -> None:
    database.execute("create table old as select 1 as i", "create table older as select 1 as i")
    for name, limit in (("old", 150_000), ("older", 100_000)):
        database.execute(f"alter table {name} set (autovacuum_freeze_max_age = {limit})")
    burn(database, 2000)
    found = maintain(context, {"freeze": {"xid_age": 1500, "tables": ["old", "older"]}})
    assert found.state is State.OK
    assert [text.split(" ")[0] for text in context.said] == ["public.older", "public.old"]
    assert database.value("select max(age(relfrozenxid)) from pg_class where relname in ('old', 'older')") < 1500
    found = maintain(context, {"freeze": {"xid_age": 1500}})
    assert "public.old" not in cells(found)


def test_the_catalogues_are_frozen_when_they_are_old(database: Database, context: Context) -> None:
    burn(database, 2000)
    found = maintain(context, {"freeze": {"xid_age": 1000, "jobs": 2}})
    assert found.state is State.OK
    assert any(text.startswith("pg_catalog.pg_class (") for text in context.said)
    age = database.value("select age(datfrozenxid) from pg_database where datname = current_database()")
    assert age < 1000


def test_ages_before_and_after_are_in_the_report(database: Database, context: Context) -> None:
    database.execute("create table a as select 1 as i")
    burn(database, 1000)
    found = maintain(context, {"freeze": {"tables": ["a"]}})
    table = found.tables[0]
    assert table.columns[-2:] == ("age before", "age after")
    before, after = (int(cell.replace(",", "")) for cell in cells(found)["public.a"][-2:])
    assert before > 1000 > after


def test_other_roles_tables_and_temporary_ones_are_told_apart(database: Database, context: Context) -> None:
    with database.session(
        "create temporary table mine (i int)", "alter table mine set (autovacuum_freeze_max_age = 100000)"
    ):
        burn(database, 60_000)
        found = maintain(context, {"vacuum": {}})
    assert "pg_temp" not in " ".join(cells(found))
    [note] = [note for note in found.notes if "temporary table" in note]
    assert "only its own session can vacuum" in note


def test_materialized_views_and_toast_are_taken(database: Database, context: Context) -> None:
    database.execute(
        "create materialized view mv as select generate_series(1, 1000) as i",
        "create table blobs (id int, t text)",
        "alter table blobs alter t set storage external",
        "insert into blobs select i, repeat('x', 6000) from generate_series(1, 200) i",
        "vacuum analyze blobs",
        "update blobs set t = repeat('y', 6000)",
        "vacuum (process_toast false) blobs",
    )
    toast = "select pg_stat_get_dead_tuples(reltoastrelid) from pg_class where relname = 'blobs'"
    eventually(lambda: database.value(toast) > 100)
    found = maintain(context, {"vacuum": {}})
    assert found.state is State.OK
    assert set(cells(found)) >= {"public.mv", "public.blobs"}
    assert database.value(toast) == 0


def test_a_server_that_is_restarted_in_the_middle(own_server: object) -> None:
    server: Server = own_server()  # type: ignore[operator]
    database = Database(name="postgres", base=server.dsn(), major=server.major)
    make_dead_rows(database, "public.a", "public.b", "public.c")
    context = context_for(database)

    def restart(text: str, share: float | None = None) -> None:
        if "(2 of" in text:
            server.restart("fast")

    context.progress = restart  # type: ignore[method-assign]
    with context.sessions:
        found = maintain(context, {"vacuum": {"tables": "all"}})
    assert found.state is State.CRITICAL
    assert found.summary.startswith("NOT completed: ")
    assert {item.series.key[1] for item in found.findings} >= {"b", "c"}
    context.progress = lambda text, share=None: None  # type: ignore[method-assign]
    with context.sessions:
        assert maintain(context, {"vacuum": {"tables": "all"}}).state is State.OK
