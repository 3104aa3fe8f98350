"""The checks of vacuum and statistics: what autovacuum leaves undone, and what cannot be known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, run_in
from tests.catalogue.together import examine_apart, stay_calm_apart
from tests.catalogue.uses import Calm, becomes, counted, homes, told
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import database_of

FILL = "insert into {} select generate_series(1, 9000)"
NOW: dict[str, object] = {"for": "1 run"}


def dead_rows(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        'create schema "my.app"', 'create table "my.app"."T 1" (id int primary key)', FILL.format('"my.app"."T 1"'),
        'analyze "my.app"."T 1"', 'delete from "my.app"."T 1" where id > 100',
    )  # fmt: skip


def dead_toast(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table t (id int, v text)", "alter table t alter v set storage external",
        "insert into t select n, repeat('x', 8000) from generate_series(1, 800) n", "delete from t where id > 10",
    )  # fmt: skip


def lost_counters(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table t (id int primary key)", "insert into t select generate_series(1, 20000)", "analyze t"
    )
    # In a session of its own: the first one hands in its counts when it ends.
    eventually(counted(database, "n_tup_ins = 20000"), what="the counts")
    database.execute("select pg_stat_reset()")
    # What was written since the reset is not all that there is.
    database.execute("insert into t select generate_series(20001, 20005)")
    eventually(counted(database, "n_tup_ins = 5"), what="the new counts")


def off_for_the_table(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table t (id int) with (autovacuum_enabled = off)", FILL.format("t"), "delete from t where id > 100"
    )


def new_rows(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int)", FILL.format("t"))


def held_by_a_snapshot(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int)", FILL.format("t"))
    begin = ("begin isolation level repeatable read", "select count(*) from t", "set application_name = 'export'")
    stack.enter_context(database.session(*begin))
    database.execute("delete from t where id > 6600", "vacuum analyze t")


def held_by_a_prepared_transaction(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int)", FILL.format("t"), "create table other (id int)")
    database.execute("begin", "insert into other values (1)", "prepare transaction 'forgotten'")
    stack.callback(lambda: database.execute("rollback prepared 'forgotten'"))
    database.execute("delete from t where id > 6600", "vacuum analyze t")


def patient_table(stack: ExitStack, server: Server, database: Database) -> None:
    options = "autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 50000"
    database.execute(f"create table t (id int) with ({options})", FILL.format("t"), "delete from t where id > 100")


def temporary_rows(stack: ExitStack, server: Server, database: Database) -> None:
    session = database.session("create temporary table t (id int)", FILL.format("t"), "delete from t where id > 100")
    stack.enter_context(session)


def never_analyzed(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int)", "insert into t select generate_series(1, 20000)")


def parent_without_statistics(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table p (id int) partition by range (id)", "create table p1 partition of p for values from (0) to (5000)",
        "create table p2 partition of p for values from (5000) to (10000)", FILL.format("p"), "analyze p1", "analyze p2",
    )  # fmt: skip


def parent_with_statistics(stack: ExitStack, server: Server, database: Database) -> None:
    parent_without_statistics(stack, server, database)
    database.execute("analyze p")


def switched_off(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table t (id int, v text) with (autovacuum_enabled = 0, toast.autovacuum_enabled = false, fillfactor = 90)"
    )


def switched_off_below(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t (id int, v text) with (toast.autovacuum_enabled = no, autovacuum_enabled = yes)")


def slow_vacuum(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table t as select repeat('x', 1000) as v from generate_series(1, 3000)")
    session = database.connect()
    stack.callback(session.close)
    stack.callback(session.cancel)
    session.execute("set vacuum_cost_delay = '100ms'")
    session.execute("set vacuum_cost_limit = 1")
    session.pgconn.send_query(b"vacuum t")
    eventually(lambda: database.value("select count(*) from pg_stat_progress_vacuum"), what="the vacuum")


def no_data(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create materialized view report as select 1 as n with no data")


def setting(name: str, value: str) -> Callable[[ExitStack, Server, Database], None]:
    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        stack.callback(lambda: run_in(server, f"alter system reset {name}", "select pg_reload_conf()"))
        run_in(server, f"alter system set {name} = '{value}'", "select pg_reload_conf()")

    return plant


def few(limit: int, **more: object) -> dict[str, object]:
    return {"params": {"min_dead_rows": limit, **more}, **NOW}


CASES = {
    "dead rows": Case(
        check="pg.dead-rows", plant=dead_rows, state="warning", says="my.app.T 1: 8,900 dead rows",
        values={"params": {"max_dead_rows": 5000}, "critical": False},
    ),
    "many dead rows": Case(
        check="pg.dead-rows", plant=dead_rows, state="critical", says="my.app.T 1", values={"params": {"max_dead_rows": 800}}
    ),
    "dead rows of TOAST": Case(
        check="pg.dead-rows", plant=dead_toast, state="warning", says="dead rows in its TOAST table",
        values={"params": {"max_dead_rows": 2500}},
    ),
    "lost counters": Case(check="pg.dead-rows", plant=lost_counters, state="unknown", says="1 large table without counters"),
    "overdue": Case(
        check="pg.autovacuum-overdue", plant=dead_rows, state="warning", says="autovacuum starts at 1,850", values=few(1000)
    ),
    "overdue by far": Case(
        check="pg.autovacuum-overdue", plant=dead_toast, state="critical", says="public.t (its TOAST table)",
        values=few(1000, critical_dead_rows=2000),
    ),
    "overdue and off": Case(
        check="pg.autovacuum-overdue", plant=off_for_the_table, state="warning", says="autovacuum is off for this table",
        values=few(1000),
    ),
    "overdue inserts": Case(
        check="pg.autovacuum-overdue", plant=new_rows, state="warning", says="9,000 new ones", values=few(1000)
    ),
    "held by a snapshot": Case(
        check="pg.autovacuum-overdue", plant=held_by_a_snapshot, state="warning", values=few(1000),
        says="vacuum cannot remove them while pid",
    ),
    "held by a prepared transaction": Case(
        check="pg.autovacuum-overdue", plant=held_by_a_prepared_transaction, state="warning", values=few(1000),
        says="while prepared transaction forgotten holds",
    ),
    "overdue without counters": Case(
        check="pg.autovacuum-overdue", plant=lost_counters, state="unknown", says="1 large table without counters",
        values=few(1000),
    ),
    "stale statistics": Case(check="pg.stale-statistics", plant=never_analyzed, state="warning", says="public.t", values=NOW),
    "statistics without counters": Case(
        check="pg.stale-statistics", plant=lost_counters, state="unknown", says="1 large table without counters", values=NOW
    ),
    "never analyzed": Case(
        check="pg.never-analyzed", plant=never_analyzed, state="warning", says="public.t has 20,000 rows and no", values=NOW
    ),
    "partitioned": Case(
        check="pg.partitioned-tables-not-analyzed", plant=parent_without_statistics, state="warning",
        says="rows in its partitions) was never analyzed as a whole", values={"params": {"min_rows": 1000}},
    ),
    "off for a table": Case(
        check="pg.autovacuum-disabled-tables", plant=switched_off, state="warning", says="public.t and its TOAST table"
    ),
    "off for TOAST": Case(
        check="pg.autovacuum-disabled-tables", plant=switched_off_below, state="warning", says="public.t's TOAST table"
    ),
    "long vacuum": Case(
        check="pg.long-vacuum", plant=slow_vacuum, state="warning", says="vacuum of public.t",
        values={"params": {"warn_after": "1ms"}},
    ),
    "no data": Case(
        check="pg.unpopulated-materialized-views", plant=no_data, state="warning", says="public.report has no data"
    ),
    "throttled": Case(
        check="pg.autovacuum-throttling", plant=setting("autovacuum_vacuum_cost_delay", "20ms"), state="warning",
        says="autovacuum may write 3.9 MB a second",
    ),
    "seldom": Case(
        check="pg.autovacuum-throttling", plant=setting("autovacuum_naptime", "1h"), state="warning", says="looks every 1 h"
    ),
}  # fmt: skip
CALM = {
    "the table's own parameters": Calm(
        check="pg.autovacuum-overdue", plant=patient_table, values=few(1000),
        seen="select n_dead_tup > 8000 from pg_stat_user_tables",
    ),
    "the table's own parameters for analyze": Calm(
        check="pg.stale-statistics", plant=patient_table, values=NOW,
        seen="select n_mod_since_analyze > 8000 from pg_stat_user_tables",
    ),
    "temporary tables": Calm(check="pg.dead-rows", plant=temporary_rows, values={"params": {"max_dead_rows": 1000}}),
    "an analyzed parent": Calm(
        check="pg.partitioned-tables-not-analyzed", plant=parent_with_statistics, values={"params": {"min_rows": 1000}},
    ),
    "a vacuum that is young": Calm(check="pg.long-vacuum", plant=slow_vacuum),
}  # fmt: skip


@pytest.mark.quick
def test_loud_when_not_healthy(tmp_path: Path, patient: Server) -> None:
    examine_apart(CASES, tmp_path, patient)


@pytest.mark.quick
def test_quiet_when_nothing_is_wrong(tmp_path: Path, patient: Server) -> None:
    stay_calm_apart(CALM, tmp_path, patient)


def test_statistics_outlive_the_counters(tmp_path: Path, patient: Server, database: Database) -> None:
    """Only who may read the table sees that it has statistics; the others cannot tell."""
    with ExitStack() as stack:
        lost_counters(stack, patient, database)
        uses = homes(tmp_path, patient, database.name, "pg.never-analyzed")
        assert becomes(uses["postgres"], "ok")["findings"] == []
        for role in ("minimal", "nobody"):
            assert "this role may not read them" in told(becomes(uses[role], "unknown"))
        database.execute("grant select on t to minimal")
        assert becomes(uses["minimal"], "ok")


@shows("pg.last-vacuum")
def test_a_table_that_is_never_vacuumed(tmp_path: Path, patient: Server, database: Database) -> None:
    database.execute(
        "create table t (id int)", "insert into t select generate_series(1, 20000)", "delete from t where id < 900"
    )
    eventually(counted(database, "n_dead_tup > 800"), what="the counts")
    for use in homes(tmp_path, patient, database.name, "pg.last-vacuum").values():
        assert use.look("--now", "2026-02-25T03:00Z")["state"] == "learning"
        found = use.look("--now", "2026-03-04T03:00Z")
        assert (found["state"], "public.t (19,101 rows)" in told(found)) == ("warning", True)
        use.write("pg.last-vacuum", params={"warn_after": "1ms"})
    database.execute("vacuum t")
    for role, use in homes(tmp_path, patient, database.name, "pg.last-vacuum").items():
        assert becomes(use, "ok", now="2026-03-04T04:00Z"), role


@shows("pg.hot-updates")
def test_updates_that_are_not_hot(tmp_path: Path, patient: Server, database: Database) -> None:
    database.execute("create table t (id int primary key)", FILL.format("t"))
    many = [f"update t set id = id + {step}" for step in (10000, 20000)]
    uses = homes(tmp_path, patient, database.name, "pg.hot-updates", params={"min_updates_an_hour": 1000})
    database.execute(*many)
    eventually(counted(database, "n_tup_upd = 18000"), what="the counts")
    for use in uses.values():
        assert use.look("--now", "2026-03-04T02:00Z")["state"] == "learning"
    database.execute(*(f"update t set id = id + {step}" for step in (30000, 40000)))
    eventually(counted(database, "n_tup_upd = 36000"), what="the counts")
    for use in uses.values():
        found = use.look("--now", "2026-03-04T03:00Z")
        assert (found["state"], "public.t: 0 % of the updates" in told(found)) == ("warning", True), told(found)
        # Twice in one second: the run before is this one or the one of an hour ago.
        assert use.look("--now", "2026-03-04T03:00Z")["state"] in {"ok", "unknown", "warning"}
        assert use.look("--now", "2026-03-04T03:30Z")["state"] == "ok"
    database.execute("select pg_stat_reset()", *(f"update t set id = id + {step}" for step in (50000, 60000)))
    eventually(counted(database, "n_tup_upd = 18000"), what="the counts after the reset")
    for use in uses.values():
        assert "was the counter reset?" in told(becomes(use, "unknown", now="2026-03-04T04:00Z"))


@shows("pg.autovacuum", "pg.autovacuum-workers")
def test_autovacuum_itself(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server(
        {
            "autovacuum": "on", "autovacuum_naptime": "1d", "autovacuum_max_workers": "1",
            "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1",
        }
    )  # fmt: skip
    run_in(server, "create role minimal login in role pg_monitor", "create role nobody login")
    switch = homes(tmp_path / "switch", server, "postgres", "pg.autovacuum")
    busy = homes(tmp_path / "busy", server, "postgres", "pg.autovacuum-workers", **NOW)
    for role in switch:
        assert switch[role].look()["state"] == "ok"
        assert busy[role].look()["state"] == ("unknown" if role == "nobody" else "ok")
    here = database_of(server)
    here.execute(
        "create table t as select n, repeat('x', 500) as v from generate_series(1, 9000) n",
        "delete from t where n > 100",
    )
    run_in(server, "alter system set autovacuum_naptime = '1s'", "select pg_reload_conf()")
    vacuums = homes(tmp_path / "long", server, "postgres", "pg.long-vacuum", params={"warn_after": "1ms"})
    for role in ("postgres", "minimal"):
        assert "1 of 1 autovacuum worker at work" in becomes(busy[role], "warning")["summary"]
        eventually(
            lambda role=role: "autovacuum of public.t" in told(vacuums[role].look()), what="the vacuum of t", seconds=90
        )
    run_in(server, "alter system set autovacuum = off", "select pg_reload_conf()")
    for role, use in switch.items():
        assert "autovacuum is off" in becomes(use, "critical")["summary"], role
    run_in(server, "alter system set autovacuum = on", "alter system set track_counts = off", "select pg_reload_conf()")
    for role, use in switch.items():
        eventually(lambda use=use: "track_counts is off" in use.look()["summary"], what=f"{role} to see it")
