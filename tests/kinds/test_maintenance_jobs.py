"""Several connections, limits, and what stops or slows a run, on a real server."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from runner.api import Sample, Series, State
from runner.demo.embedded import Server
from runner.kinds.maintenance.lock import KEY, WORKING
from tests.kinds.maintained import VACUUM, cells, context_for, dead_rows, maintain, make_dead_rows
from tests.kinds.support import SLOT, Context, Remembered
from tests.postgres import Database, Servers, eventually
from tests.shipped.standby import standby_of

ALL = {"vacuum": {"tables": "all"}}


@pytest.fixture
def context(database: Database) -> Iterator[Context]:
    made = context_for(database)
    with made.sessions:
        yield made


def test_several_connections_work_through_one_queue(database: Database, context: Context) -> None:
    names = [f"t{number}" for number in range(12)]
    database.execute(*(f"create table {name} as select generate_series(1, 500) as i" for name in names))
    found = maintain(context, {"vacuum": {"tables": "all", "analyze": True, "jobs": 3}})
    assert found.state is State.OK
    assert found.summary.startswith("completed: 12 of 12 tables vacuumed and analyzed")
    assert database.value("select count(*) from pg_stat_user_tables where vacuum_count = 1 and analyze_count = 1") == 12
    used = database.value(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert used == 0, "every connection is given back when its database is done"


def test_a_long_table_does_not_hold_the_others(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.locked", "public.a", "public.b", "public.c")
    context.lock_timeout = 20.0
    with database.session("begin", "lock table locked in share row exclusive mode") as holder:
        threading.Thread(
            target=lambda: (
                eventually(lambda: sum(dead_rows(database, name) for name in "abc") == 0) and holder.execute("rollback")
            )
        ).start()
        found = maintain(context, {"vacuum": {"jobs": 2, "tables": ["locked", "a", "b", "c"]}}, yield_to_waiters=False)
    assert found.state is State.OK


def test_partitioned_tables_wait_until_nothing_else_is_worked_on(database: Database, context: Context) -> None:
    parts = [f"create table p{n} partition of p for values from ({n * 100}) to ({n * 100 + 100})" for n in range(8)]
    database.execute(
        "create table p (i int) partition by range (i)", *parts, "insert into p select generate_series(0, 799)"
    )
    context.lock_timeout = 0.05
    found = maintain(context, {"vacuum": {"analyze": True, "jobs": 4}})
    assert found.state is State.OK
    assert context.said[-1].startswith("public.p (9 of 9")


def test_the_order_is_age_then_what_is_gained(database: Database, context: Context) -> None:
    for name, rows, dead in (("big", 8000, 1000), ("dirty", 4000, 4000), ("small", 10, 10)):
        database.execute(
            f"create table {name} as select generate_series(1, {rows}) as i",
            f"analyze {name}",
            f"delete from {name} where i <= {dead}",
        )
        eventually(lambda name=name, dead=dead: dead_rows(database, name) == dead)
    database.execute("create table old () with (autovacuum_freeze_max_age = 100000)")
    maintain(context, ALL)
    assert [text.split(" ")[0] for text in context.said] == [
        f"public.{name}" for name in ("dirty", "big", "small", "old")
    ]


def test_fewer_connections_than_wanted_are_told(database: Database, owner_role: str) -> None:
    database.execute(*(f"create table t{number} ()" for number in range(4)), user=owner_role)
    database.execute(f"alter role {owner_role} connection limit 2")
    context = context_for(database, owner_role)
    try:
        with context.sessions:
            found = maintain(context, {"vacuum": {"tables": "all", "jobs": 4}})
    finally:
        database.execute(f"alter role {owner_role} connection limit -1")
    assert found.state is State.OK
    assert "1 of 4 connections could be opened" in found.notes[0]


# ---- limits


def test_what_took_longer_than_the_time_that_is_left_is_not_started(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.long", "public.short")
    samples = {
        Series("", ("public", name)): tuple(
            Sample(at=SLOT - timedelta(days=7 * week), value=seconds) for week in range(3, 0, -1)
        )
        for name, seconds in (("long", 3600.0), ("short", 0.1))
    }
    context.history = Remembered(trends={"seconds": samples})
    found = maintain(context, {"vacuum": {"tables": "all"}}, budget="10min")
    assert found.state is State.WARNING
    [finding] = found.findings
    words = r"public\.long: not started: it usually takes 1 h, and (10|9) min( \d+ s)? are left"
    assert re.fullmatch(words, finding.message)
    assert cells(found)["public.short"][1] == "vacuumed"


def test_a_step_has_a_budget_of_its_own(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a")
    context.history = Remembered(trends={"seconds": {Series("", ("public", "a")): (Sample(at=SLOT, value=60.0),)}})
    found = maintain(context, {"vacuum": {}, "budget": "5s"}, {"analyze": {"tables": "all"}})
    [finding] = found.findings
    assert re.fullmatch(r"public\.a: not started: it usually takes 1 min, and \d(\.\d+)? s are left", finding.message)
    assert database.value("select analyze_count from pg_stat_user_tables") == 1


@pytest.mark.parametrize(("at_end", "state"), [("cancel", State.CRITICAL), ("finish", State.OK)])
def test_the_end_of_the_budget_cancels_only_where_that_is_said(
    database: Database, context: Context, at_end: str, state: State
) -> None:
    database.execute("create table slow as select generate_series(1, 40000) as i", "delete from slow where i % 2 = 0")
    # A pause of 10 ms for each page makes it take about two seconds.
    keys = {"budget": "2s", "at_end": at_end, "cost_delay": "10ms", "cost_limit": 1}
    found = maintain(context, {"vacuum": {"tables": ["slow"]}}, **keys)
    assert found.state is state
    if at_end == "cancel":
        assert found.findings[0].message == "public.slow: cancelled: the budget of 2 s is used up"


def test_unknown_options_are_left_out_and_told(database: Database, context: Context) -> None:
    database.execute("create table a (t text)")
    step = {
        "tables": ["a"],
        "truncate": False,
        "process_main": True,
        "buffer_usage_limit": "1MB",
        "process_toast": True,
    }
    found = maintain(context, {"vacuum": step})
    assert found.state is State.OK
    told = [note for note in found.notes if "does not know" in note]
    assert len(told) == (0 if database.major >= 16 else 2)


# ---- the server is busy


def test_a_pause_lasts_as_long_as_its_condition(database: Database, context: Context) -> None:
    database.execute("create table a ()", "create table b ()")
    with database.session("begin") as idle:

        def release(text: str, share: float | None = None) -> None:
            if text.startswith("paused"):
                idle.execute("rollback")

        context.progress = release  # type: ignore[method-assign]
        found = maintain(context, ALL, pause_when=f"idle_in_transaction > {others(database) - 1}")
    assert found.state is State.OK
    [note] = [note for note in found.notes if note.startswith("paused for ")]
    assert "because idle_in_transaction > " in note


def test_a_stop_cancels_what_runs_and_names_the_rest(database: Database, context: Context) -> None:
    database.execute(
        "create table slow as select generate_series(1, 100000) as i", "delete from slow where i % 2 = 0",
        "analyze slow", "create table rest ()",
    )  # fmt: skip
    idle = psycopg.connect(database.dsn())

    def begin(text: str, share: float | None = None) -> None:
        if "public.slow" in text:
            idle.execute("select 1")

    context.progress = begin  # type: ignore[method-assign]
    keys = {"stop_when": f"idle_in_transaction > {others(database)}", "cost_delay": "10ms", "cost_limit": 1}
    with idle:
        found = maintain(context, {"vacuum": {"tables": ["slow", "rest"]}}, **keys)
    assert found.state is State.CRITICAL
    messages = [item.message for item in found.findings]
    assert messages[0].startswith("public.slow: cancelled: stopped, because idle_in_transaction > ")
    assert messages[1].startswith("public.rest: not started: stopped, because idle_in_transaction > ")


@pytest.mark.parametrize("autocommit", [True, False])
def test_statements_wait_for_the_end_of_a_pause_and_stop_when_they_must(
    database: Database, context: Context, autocommit: bool
) -> None:
    database.execute("create table did (i int)")
    idle = psycopg.connect(database.dsn())
    idle.execute("select 1")

    def turn(text: str, share: float | None = None) -> None:
        context.said.append(text)
        if text.startswith("paused"):
            idle.execute("rollback")
        elif text == "second":
            idle.execute("select 1")

    context.progress = turn  # type: ignore[method-assign]
    names = ("first", "second", "third")
    steps = [
        {"name": name, "sql": f"insert into did values ({n})", "autocommit": autocommit} for n, name in enumerate(names)
    ]
    most = others(database) - 1
    keys = {"pause_when": f"idle_in_transaction > {most}", "stop_when": f"idle_in_transaction > {most} and params.stop"}
    context.params = {"stop": False}
    with idle:
        found = maintain(context, *steps[:1], **keys)
        assert (found.state, database.value("select count(*) from did")) == (State.OK, 1)
        assert context.said[0].startswith("paused, because idle_in_transaction > ")
        [note] = found.notes
        assert note.startswith("paused for ")
        context.params = {"stop": True}
        found = maintain(context, *steps[1:], **keys)
    assert [item.message.split(" >")[0] for item in found.findings] == [
        "third: not started: stopped, because idle_in_transaction"
    ]
    assert database.value("select count(*) from did") == 2


def test_the_session_that_asks_is_none_of_the_active_ones(database: Database, context: Context) -> None:
    quiet = "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and backend_type = 'client backend'"
    busy = database.value(quiet)
    found = maintain(context, {"sql": "select 1"}, stop_when=f"active_sessions > {busy}")
    assert found.state is State.OK


def others(database: Database) -> int:
    """Sessions of other tests on the same server count too; they do not change meanwhile."""
    text = "select count(*) from pg_stat_activity where state like 'idle in transaction%' and backend_type = 'client backend'"
    return int(database.value(text))


def test_a_session_that_waits_for_us_is_let_through_and_the_table_tried_again(
    database: Database, context: Context
) -> None:
    database.execute("create table a as select generate_series(1, 100000) as i", "delete from a where i % 2 = 0")
    altered = threading.Thread(target=lambda: database.execute("alter table a add column j int"))
    said: list[str] = []

    def alter(text: str, share: float | None = None) -> None:
        said.extend([text] if text else [])
        if "(1 of 1)" in text:
            threading.Thread(target=later).start()

    def later() -> None:
        eventually(lambda: database.value("select count(*) from pg_stat_progress_vacuum"))
        altered.start()

    context.progress = alter  # type: ignore[method-assign]
    found = maintain(context, {"vacuum": {"tables": ["a"]}}, cost_delay="20ms", cost_limit=5)
    altered.join()
    assert found.state is State.OK
    assert said[-1] == "public.a (1 of 1, once more)"
    assert database.value("select count(*) from pg_attribute where attrelid = 'a'::regclass and attname = 'j'") == 1


def test_the_waiting_session_is_named_when_the_second_try_meets_one_too(database: Database, context: Context) -> None:
    database.execute("create table a as select generate_series(1, 100000) as i", "delete from a where i % 2 = 0")
    done = threading.Event()

    def keep_asking() -> None:
        with database.session("set application_name = 'deploy'") as connection:
            while not done.is_set():
                connection.execute("begin; lock table a in share row exclusive mode; rollback")
                time.sleep(0.02)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    context.lock_timeout = 5.0
    try:
        found = maintain(context, {"vacuum": {"tables": ["a"]}}, cost_delay="20ms", cost_limit=1)
    finally:
        done.set()
        asking.join()
    assert found.state is State.WARNING
    assert "public.a: gave way: session " in found.findings[0].message
    assert "(deploy, user postgres) waited for it: " in found.findings[0].message


# ---- the end of a run


def test_a_killed_runner_is_told_from_one_that_works(database: Database, context: Context) -> None:
    database.execute("create table a ()")
    with database.session("set application_name = 'runner/old'", f"select pg_advisory_lock_shared({WORKING})") as old:
        found = maintain(context, ALL)
        assert found.state is State.SKIPPED
        assert f"still working for a maintenance run that was killed (session {old.info.backend_pid}" in found.skipped
    assert maintain(context, ALL).state is State.OK


def test_a_connection_that_is_lost_costs_its_own_table_only(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", "public.b", "public.c")

    def kill(text: str, share: float | None = None) -> None:
        if "(1 of" in text:
            database.execute(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and mode = 'ShareLock'"
                " and database = (select oid from pg_database where datname = current_database())"
            )

    context.progress = kill  # type: ignore[method-assign]
    found = maintain(context, {"vacuum": {"tables": "all", "jobs": 2}})
    assert found.state is State.CRITICAL
    assert "terminating connection" in found.findings[0].message
    assert found.summary.startswith("NOT completed: ")


def test_when_runner_is_stopped_the_server_is_too(database: Database, context: Context) -> None:
    database.execute("create table a as select generate_series(1, 100000) as i", "delete from a where i % 2 = 0")

    def stop(text: str, share: float | None = None) -> None:
        context.limit = context.clock.elapsed() - context.begun + 0.3

    context.progress = stop  # type: ignore[method-assign]
    began = time.monotonic()
    found = maintain(context, VACUUM | {}, {"analyze": {"tables": "all"}}, cost_delay="20ms", cost_limit=1)
    assert time.monotonic() < began + 10
    assert found.state is State.CRITICAL
    assert found.findings[0].message == "public.a: cancelled: the time is up; public.a: not started: the time is up"
    running = "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'vacuum%'"
    assert database.value(running) == 0


def test_how_far_a_long_statement_is(database: Database, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.kinds.maintenance.round._TELL_EVERY", 0.2)
    database.execute("create table a as select generate_series(1, 40000) as i", "delete from a where i % 2 = 0")
    assert maintain(context, ALL, cost_delay="20ms", cost_limit=2).state is State.OK
    assert any(re.fullmatch(r"public\.a: \w[\w ]+, \d+%, for \d+ s", text) for text in context.said), context.said


def test_a_dry_run_beside_a_real_one_disturbs_nobody(database: Database, context: Context) -> None:
    database.execute("create table a ()")
    context.dry_run = True
    with database.session(f"select pg_advisory_lock({KEY})"):
        assert maintain(context, ALL).summary.startswith("dry run: 1 statement would be run")


def test_a_table_that_autovacuum_works_on_is_left_to_it(own_server: Callable[..., Server]) -> None:
    settings = {"autovacuum": "on", "autovacuum_naptime": "1s"}
    server = own_server({**settings, "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1"})
    database = Database(name="postgres", base=server.dsn(), major=server.major)
    database.execute(
        "create table busy as select generate_series(1, 50000) as i",
        "create table free as select generate_series(1, 10) as i",
        "delete from busy where i % 2 = 0",
    )
    working = "select count(*) from pg_stat_progress_vacuum where relid = 'busy'::regclass"
    eventually(lambda: database.value(working), seconds=60, what="autovacuum")
    context = context_for(database)
    with context.sessions:
        found = maintain(context, {"vacuum": {"tables": ["busy", "free"]}})
    assert found.state is State.OK
    assert found.summary.startswith("completed: 2 of 2 tables")
    assert "public.busy was left: autovacuum is working on it" in found.notes
    assert database.value(working) == 1, "it was not cancelled"


def test_a_condition_that_a_role_cannot_judge_is_told_and_a_waiter_is_seen_all_the_same(
    server: Servers, database: Database
) -> None:
    role = server.role("blind")
    database.execute(
        "create table a as select generate_series(1, 100000) as i", "delete from a where i % 2 = 0",
        f"alter table a owner to {role}",
    )  # fmt: skip
    context = context_for(database, role)

    def alter(text: str, share: float | None = None) -> None:
        context.said += [text] if text else []
        if "(1 of 1)" in text:
            threading.Thread(target=lambda: database.execute("alter table a add column j int")).start()

    context.progress = alter  # type: ignore[method-assign]
    with context.sessions:
        found = maintain(
            context, {"vacuum": {"tables": ["a"]}}, stop_when="active_sessions > 1000", cost_delay="20ms", cost_limit=5
        )
    assert found.state is State.OK
    assert context.said[-1] == "public.a (1 of 1, once more)"
    assert [note for note in found.notes if note.startswith("`active_sessions > 1") and "cannot be judged" in note]


def test_the_lag_of_a_standby_stops_the_work(own_server: Callable[..., Server], tmp_path: Path) -> None:
    primary = own_server({"wal_keep_size": "64MB"})
    database = Database(name="postgres", base=primary.dsn(), major=primary.major)
    database.execute("create table a as select generate_series(1, 1000) as i")
    standby = standby_of(primary, tmp_path / "standby")
    try:
        replica = Database(name="postgres", base=standby.dsn(), major=standby.major)
        streaming = "select count(*) from pg_stat_replication where state = 'streaming'"
        eventually(lambda: database.value(streaming), seconds=60)
        replica.execute("select pg_wal_replay_pause()")
        database.execute("insert into a select generate_series(1, 20000)")
        context = context_for(database)
        with context.sessions:
            found = maintain(context, ALL, stop_when="replication_lag_bytes > 100kB")
        assert found.state is State.CRITICAL
        words = "public.a: not started: stopped, because replication_lag_bytes > 100 kB (replication_lag_bytes "
        assert found.findings[0].message.startswith(words)
        replica.execute("select pg_wal_replay_resume()")
        behind = "select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) from pg_stat_replication"
        eventually(lambda: database.value(behind) < 100_000)
        with context.sessions:
            assert maintain(context, ALL, stop_when="replication_lag_bytes > 100kB").state is State.OK
    finally:
        standby.remove()
