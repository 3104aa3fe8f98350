"""Maintenance on a real server: what was done is proved, what was not is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time, timedelta

import pytest

from runner.api import Memory, Problem, Series, ServerFacts, State, TargetError
from runner.demo.embedded import Server
from runner.kinds.maintenance.lock import KEY
from runner.model.job import Window
from tests.kinds.maintained import VACUUM, cells, context_for, dead_rows, maintain, make_dead_rows
from tests.kinds.support import SLOT, Context, Remembered, job
from tests.postgres import Database, Servers, eventually


@pytest.fixture
def context(database: Database) -> Iterator[Context]:
    made = context_for(database)
    with made.sessions:
        yield made


# ---- what is done


def test_needed_tables_are_vacuumed_and_analyzed_and_measured(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", 'public."B ""q"""')
    found = maintain(context, VACUUM)
    assert found.state is State.OK
    assert found.summary.startswith("completed: 2 of 2 tables vacuumed and analyzed")
    assert cells(found)["public.a"][1] == "vacuumed and analyzed"
    assert cells(found)["public.a"][6:] == ("500", "0")
    assert database.execute("select vacuum_count, analyze_count from pg_stat_user_tables") == [(1, 1), (1, 1)]
    by_series = {item.series: item.values for item in found.observations}
    assert by_series[Series("", ("public", "a"))]["dead_rows"] == 0
    assert by_series[Series()]["tables"] == 2
    assert {name for item in found.observations for name in item.values} <= {item.name for item in found.columns}


def test_a_second_run_has_nothing_to_do_and_says_so(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a")
    maintain(context, VACUUM)
    found = maintain(context, VACUUM)
    assert found.state is State.OK
    assert found.summary.startswith("completed: no table was chosen (1 looked at, none needs it)")


def test_bytes_that_were_returned_are_in_the_summary(database: Database, context: Context) -> None:
    database.execute("create table a as select generate_series(1, 20000) as id", "analyze a", "delete from a")
    eventually(lambda: dead_rows(database, "a") == 20000)
    found = maintain(context, {"vacuum": {"tables": "all"}})
    assert "kB returned in" in found.summary


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("all", {"public.a", "public.b", "other.c"}),
        (["a", "other.*"], {"public.a", "other.c"}),
        (["public.[ab]"], {"public.a", "public.b"}),
        (["pg_catalog.pg_class"], {"pg_catalog.pg_class"}),
        ({"sql": "select 'other', 'c'"}, {"other.c"}),
        ({"sql": "select '\"public\".b' where :level = '3'"}, {"public.b"}),
    ],
)
def test_which_tables(database: Database, context: Context, tables: object, expected: set[str]) -> None:
    context.params = {"level": 3}
    database.execute(
        "create schema other", "create table a (i int)", "create table b (i int)", "create table other.c ()"
    )
    found = maintain(context, {"vacuum": {"tables": tables}})
    assert found.state is State.OK
    assert set(cells(found)) - {"total"} == expected


def test_every_option_is_understood_by_the_server(database: Database, context: Context) -> None:
    make_dead_rows(database, "a")
    step = {"analyze": True, "freeze": True, "index_cleanup": "auto", "parallel": 0, "skip_locked": True}
    assert maintain(context, {"vacuum": step}, {"analyze": {"tables": "all", "skip_locked": True}}).state is State.OK


def test_partitioned_tables_are_analyzed_after_their_partitions(database: Database, context: Context) -> None:
    database.execute(
        "create table p (i int) partition by range (i)",
        "create table p1 partition of p for values from (0) to (1000)",
        "insert into p select generate_series(0, 999)",
    )
    found = maintain(context, VACUUM)
    assert found.state is State.OK
    assert cells(found)["public.p"][1] == "analyzed"
    assert database.value("select count(*) from pg_stats where tablename = 'p' and inherited") == 1


def test_analyze_alone_is_proved_by_its_own_counter(database: Database, context: Context) -> None:
    make_dead_rows(database, "a")
    found = maintain(context, {"analyze": {}})
    assert found.summary.startswith("completed: 1 of 1 tables analyzed")
    assert database.execute("select vacuum_count, analyze_count from pg_stat_user_tables") == [(0, 1)]


def test_the_biggest_table_comes_first_but_what_was_left_undone_before_it(database: Database, context: Context) -> None:
    for name, rows in (("small", 10), ("big", 5000), ("middle", 1000)):
        database.execute(f"create table {name} as select generate_series(1, {rows})", f"analyze {name}")
    maintain(context, {"vacuum": {"tables": "all"}})
    series = Series("", ("public", "small"))
    problem = Problem(job="m", target="main", series=series, state=State.CRITICAL, since=SLOT, seen=SLOT)
    context.memory = Memory(problems={series: problem})
    maintain(context, {"vacuum": {"tables": "all"}})
    order = [text.split(" ")[0].removeprefix("public.") for text in context.said]
    assert order == ["big", "middle", "small", "small", "big", "middle"]


def test_what_a_check_complains_about(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", "public.b", "public.c")
    context.history = Remembered(
        open=[
            Problem(
                job=check, target=target, series=Series(where, key), state=State.WARNING, since=SLOT, seen=SLOT,
                message="many dead rows",
            )
            for check, target, where, key in (
                ("pg.dead-rows", "main", "", ("public", "a")),
                ("pg.dead-rows", "main", database.name, ("public", "gone")),
                ("pg.dead-rows", "main", "other", ("public", "b")),
                ("pg.dead-rows", "second", "", ("public", "b")),
                ("pg.bloat", "main", "", ("public", "c")),
            )
        ]
    )  # fmt: skip
    context.jobs = (job("pg.dead-rows", "check", None),)
    step = {"vacuum": {"tables": {"findings_of": ["pg.dead-*"]}}}
    found = maintain(context, step)
    assert found.state is State.OK
    assert set(cells(found)) == {"public.a"}
    context.dry_run = True
    [line] = maintain(context, step).tables[0].rows
    assert line[1] == "pg.dead-rows: many dead rows"
    context.dry_run = False
    found = maintain(context, {"vacuum": {"tables": {"findings_of": ["pg.dead-row"]}}})
    assert [item.message for item in found.findings] == ["there is no check pg.dead-row"]


# ---- what is not done


def test_a_table_of_somebody_else_is_a_failure_that_names_the_right(
    server: Servers, database: Database, owner_role: str
) -> None:
    make_dead_rows(database, "mine", user=owner_role)
    make_dead_rows(database, "theirs")
    context = context_for(database, owner_role)
    with context.sessions:
        found = maintain(context, {"vacuum": {"analyze": True, "tables": ["public.mine", "public.theirs"]}})
    assert found.state is State.CRITICAL
    [finding] = found.findings
    assert finding.series == Series("", ("public", "theirs"))
    assert f"{owner_role} is not its owner" in finding.message
    assert ("MAINTAIN" in finding.message) is (server.major >= 17)
    assert "NOT completed: 1 of 2 tables failed: public.theirs (refused)" in found.summary
    assert dead_rows(database, "mine") == 0


def test_a_right_that_is_granted_is_enough(server: Servers, database: Database, owner_role: str) -> None:
    make_dead_rows(database, "theirs")
    if server.major >= 17:
        database.execute(f"grant maintain on theirs to {owner_role}")
    else:
        database.execute(f"alter table theirs owner to {owner_role}")
    context = context_for(database, owner_role)
    with context.sessions:
        assert maintain(context, {"vacuum": {"tables": ["theirs"]}}).state is State.OK


@pytest.mark.parametrize("mode", ["share row exclusive", "access exclusive"])
@pytest.mark.parametrize("skip_locked", [False, True])
def test_a_locked_table_fails_and_the_others_are_done(
    database: Database, context: Context, mode: str, skip_locked: bool
) -> None:
    make_dead_rows(database, "locked", "free")
    with database.session("begin", f"lock table locked in {mode} mode") as holder:
        pid = holder.info.backend_pid
        found = maintain(context, {"vacuum": {"skip_locked": skip_locked, "tables": ["public.*"]}})
    assert found.summary.startswith("NOT completed: 1 of 2 tables failed: public.locked (locked)")
    assert found.state is State.CRITICAL
    assert f": session {pid} (without a name, user postgres, idle in" in found.findings[0].message
    assert dead_rows(database, "free") == 0
    assert [text for text in context.said if "once more" in text] == ["public.locked (1 of 1, once more)"]


def test_a_table_that_is_free_again_succeeds_at_the_second_try(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.locked", "public.free")
    with database.session("begin", "lock table locked in share row exclusive mode") as holder:

        def release(text: str, share: float | None = None) -> None:
            if "once more" in text:
                holder.execute("rollback")

        context.progress = release  # type: ignore[method-assign]
        found = maintain(context, {"vacuum": {"tables": "all"}})
    assert found.state is State.OK
    assert "2 of 2 tables" in found.summary


@pytest.mark.parametrize("holder", ["session", "prepared transaction", "slot"])
def test_dead_rows_that_are_held_name_their_holder(
    server: Servers, database: Database, context: Context, holder: str
) -> None:
    database.execute("create table other_work (i int)")
    slot = f"slot_{database.name}"
    with database.session("set application_name = 'report'") as connection:
        if holder == "session":
            connection.execute("begin isolation level repeatable read")
            connection.execute("select count(*) from other_work")
        elif holder == "prepared transaction":
            connection.execute("begin")
            connection.execute("insert into other_work values (1)")
            connection.execute(f"prepare transaction '{database.name}'")
        else:
            connection.execute(f"select pg_create_logical_replication_slot('{slot}', 'pgoutput')")
        try:
            if holder == "slot":
                # A logical slot keeps catalogue rows only; user tables must not be blamed on it.
                make_dead_rows(database, "a")
                assert maintain(context, VACUUM).state is State.OK
                return
            make_dead_rows(database, "a")
            found = maintain(context, {"vacuum": {"tables": ["a"]}})
        finally:
            if holder == "prepared transaction":
                connection.execute(f"rollback prepared '{database.name}'")
            if holder == "slot":
                connection.execute(f"select pg_drop_replication_slot('{slot}')")
    assert found.state is State.WARNING
    [finding] = found.findings
    assert "held: 500 dead rows could not be removed: held by " in finding.message
    assert ("report" if holder == "session" else f"'{database.name}'") in finding.message
    assert found.summary.startswith("completed: 1 of 1 tables vacuumed, 1 of them still with dead rows that are held")


def test_names_that_mean_nothing_are_failures(database: Database, context: Context) -> None:
    database.execute("create table a ()")
    found = maintain(context, {"vacuum": {"tables": ["a", "public.gone", "x.*"]}})
    assert [item.message for item in found.findings] == ["there is no table public.gone", "there is no table x.*"]
    assert found.summary.startswith("NOT completed")
    assert found.state is State.CRITICAL


def test_a_query_for_tables_that_fails(context: Context) -> None:
    found = maintain(context, {"vacuum": {"tables": {"sql": "select no_such_column"}}})
    assert found.state is State.CRITICAL
    assert "tables cannot be chosen" in found.findings[0].message


# ---- time


def test_when_time_is_up_nothing_new_starts_and_the_rest_is_named(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", "public.b")
    context.limit = 0.0
    found = maintain(context, VACUUM)
    assert found.state is State.WARNING
    assert "not started" in found.findings[0].message
    assert found.looked == frozenset()


def test_tables_left_by_the_end_of_the_window_are_named(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", "public.b", "public.c")
    window = Window(name="night", start=time(2), end=time(5))
    context.now = SLOT.replace(hour=4, minute=59, second=58, microsecond=500_000)

    def slow(text: str, share: float | None = None) -> None:
        while text and "(1 of" in text and context.clock.elapsed() < started + 1.6:
            pass

    started = context.clock.elapsed()
    context.progress = slow  # type: ignore[method-assign]
    found = maintain(context, {"vacuum": {"tables": "all"}}, window=window)
    assert found.state is State.WARNING
    assert [item.message for item in found.findings] == [
        "public.b: not started: the window night has ended",
        "public.c: not started: the window night has ended",
    ]
    assert found.summary.startswith("NOT completed: 2 of 3 tables not started: public.b (not started)")
    assert dead_rows(database, "a") == 0


def test_outside_of_its_window_a_run_by_hand_has_no_end(database: Database, context: Context) -> None:
    make_dead_rows(database, "a")
    context.now = SLOT + timedelta(hours=9)
    found = maintain(context, VACUUM, window=Window(name="night", start=time(2), end=time(5)))
    assert found.state is State.OK


def test_a_statement_that_takes_too_long_is_cancelled(context: Context) -> None:
    context.limit = context.clock.elapsed() - context.begun + 0.5
    found = maintain(context, {"name": "nap", "sql": "select pg_sleep(60)"})
    assert found.state is State.CRITICAL
    assert "57014" in found.findings[0].message


# ---- statements


def test_a_statement_is_a_transaction_and_a_failure_leaves_nothing(database: Database, context: Context) -> None:
    database.execute("create table a (i int)")
    found = maintain(
        context,
        {"name": "fill", "sql": "insert into a values (1);"},
        {"name": "break", "sql": "with x as (insert into a values (2) returning i) select i / 0 from x"},
        {"name": "after", "sql": "insert into a values (3)"},
    )
    assert found.state is State.CRITICAL
    assert "break: division by zero" in found.findings[0].message
    assert database.execute("select i from a") == [(1,)]
    assert found.summary.startswith("NOT completed: 1 of 2 statements run")


def test_statements_without_a_transaction_and_with_parameters(database: Database, context: Context) -> None:
    context.params = {"table": "a"}
    database.execute("create table a (i int primary key)")
    found = maintain(context, {"sql": 'reindex table concurrently :"table"', "autocommit": True})
    assert found.state is State.OK
    assert found.summary.startswith("completed: 1 of 1 statements run")


def test_a_warning_of_a_statement_is_a_warning(context: Context) -> None:
    found = maintain(context, {"name": "s", "sql": "do $$ begin raise warning 'mind the gap'; end $$"})
    assert found.state is State.WARNING
    assert "s: the server warned: mind the gap" in found.findings[0].message


# ---- circumstances


def test_one_run_at_a_time_in_a_database(database: Database, context: Context) -> None:
    with database.session("set application_name = 'the other'", f"select pg_advisory_lock({KEY})") as other:
        found = maintain(context, VACUUM)
        assert found.state is State.SKIPPED
        assert f"session {other.info.backend_pid}, the other" in found.skipped
    assert maintain(context, VACUUM).state is State.OK
    assert database.value("select count(*) from pg_locks where locktype = 'advisory'") == 0


def test_several_databases_are_told_apart(server: Servers, database: Database, context: Context) -> None:
    with server.fresh_database() as other, context.sessions:
        make_dead_rows(database, "a")
        make_dead_rows(other, "b")
        context.databases = (database.name, other.name, "no_such_database")
        found = maintain(context, {"vacuum": {"tables": ["a", "b"]}})
        context.sessions.close()
    assert found.state is State.UNKNOWN
    assert set(cells(found)) == {f"{database.name}/public.a", f"{other.name}/public.b", "total"}
    assert found.looked == {database.name, other.name}
    assert [item.series for item in found.findings] == [Series("no_such_database")]


def test_measured_rows_before_and_after(database: Database, context: Context) -> None:
    make_dead_rows(database, "a", "b")
    measure = {
        "key": ["table"],
        "columns": {"dead_rows": "count", "size": "kB", "kind": "text"},
        "sql": "select relname as table, n_dead_tup as dead_rows, 8 as size, 'heap' as kind from pg_stat_user_tables",
    }
    found = maintain(context, {"vacuum": {"tables": ["a"]}}, measure=measure)
    shown = cells(found, "before and after")
    assert shown["a"] == ("a", "500", "0", "-500", "8.0 kB", "8.0 kB", "0 B", "heap")
    assert shown["total"][1:4] == ("1,000", "500", "-500")
    by_series = {item.series: item.values for item in found.observations}
    assert by_series[Series("", ("b",))] == {"dead_rows": 500, "size": 8192, "kind": "heap"}


DEAD_ROWS = {
    "key": ["schema", "table"],
    "columns": {"dead_rows": "count"},
    "sql": "select schemaname as schema, relname as table, n_dead_tup as dead_rows from pg_stat_user_tables",
}


@pytest.mark.parametrize(
    ("verify", "state", "words"),
    [
        ({"warning": "after.dead_rows > 10% of before.dead_rows"}, State.WARNING, "public.b"),
        ({"critical": "dead_rows >= 500", "warning": "dead_rows > 0"}, State.CRITICAL, "public.b"),
        ({"warning": "after.dead_rows > before.dead_rows"}, State.OK, ""),
        ({"critical": "sum(after.dead_rows) > 400"}, State.CRITICAL, "500"),
    ],
)
def test_verify_judges_the_change(
    database: Database, context: Context, verify: dict[str, str], state: State, words: str
) -> None:
    make_dead_rows(database, "a", "b")
    found = maintain(
        context, {"vacuum": {"tables": ["a"]}}, {"sql": "create table new ()"}, measure=DEAD_ROWS, verify=verify
    )
    assert found.state is state
    assert [words in item.message for item in found.findings] == ([True] if state is not State.OK else [])


def test_two_complaints_about_a_table_are_one_problem(server: Servers, database: Database, owner_role: str) -> None:
    make_dead_rows(database, "theirs")
    context = context_for(database, owner_role)
    with context.sessions:
        found = maintain(
            context, {"vacuum": {"tables": ["theirs"]}}, measure=DEAD_ROWS, verify={"warning": "after.dead_rows > 0"}
        )
    [finding] = found.findings
    assert finding.state is State.CRITICAL
    assert "is not its owner" in finding.message
    assert "; public.theirs: " in finding.message


def test_what_cannot_be_measured_is_noted_and_the_work_is_done(database: Database, context: Context) -> None:
    make_dead_rows(database, "a")
    found = maintain(context, VACUUM, measure={"key": ["table"], "sql": "select 1 as other"})
    assert [note for note in found.notes if "no column table" in note]
    assert dead_rows(database, "a") == 0


def test_a_dry_run_shows_the_statements_and_changes_nothing(database: Database, context: Context) -> None:
    make_dead_rows(database, "a")
    context.dry_run = True
    found = maintain(context, VACUUM, {"sql": "drop table a"}, {"vacuum": {"tables": {"sql": "select 'public', 'a'"}}})
    assert found.state is State.SKIPPED
    rows = [row for table in found.tables for row in table.rows]
    assert rows[0][0].endswith('"public"."a"')
    assert "500 dead rows, its trigger is 50" in rows[0][1]
    assert rows[1] == ("drop table a", "step 2, in a transaction", "not known", "")
    assert dead_rows(database, "a") == 500


def test_a_standby_is_skipped(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.stop()
    server.stand_by()
    server.resume()
    database = Database(name="postgres", base=server.dsn(), major=server.major)
    assert database.value("select pg_is_in_recovery()")
    context = context_for(database)
    assert isinstance(context.server, ServerFacts)
    context.server = replace(context.server, in_recovery=True)
    found = maintain(context, VACUUM)
    assert found.state is State.SKIPPED
    assert "standby" in found.skipped


def test_an_unreachable_server_is_unknown(context: Context) -> None:
    context.server = TargetError("nobody answers")
    found = maintain(context, VACUUM)
    assert found.state is State.UNKNOWN
    assert found.summary == "nobody answers"
