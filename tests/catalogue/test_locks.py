"""Locks: who waits for whom, deadlocks, a lock table that fills up."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import Case, run_in
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import Use

QUICK: dict[str, object] = {"params": {"warn_after": "1ms", "critical_after": "1h"}}


def waiting(stack: ExitStack, database: Database, statement: bytes) -> int:
    """A session that waits for a lock; its pid once the server says since when."""
    waiter = database.connect()
    stack.callback(waiter.close)
    waiter.execute("begin")
    waiter.pgconn.send_query(statement)
    pid = waiter.info.backend_pid
    seen = f"select count(*) from pg_locks where pid = {pid} and waitstart is not null"
    eventually(lambda: database.value(seen), what="the wait")
    return pid


def queue(stack: ExitStack, server: Server, database: Database) -> tuple[int, list[int]]:
    """A holds the table, B waits for A, C waits for B: A is at the root of both."""
    database.execute('create schema "Odd.One"', 'create table "Odd.One"."Queue" (id int primary key)')
    holder = stack.enter_context(database.session("begin", 'lock table "Odd.One"."Queue" in access share mode'))
    waiters = [
        waiting(stack, database, statement)
        for statement in (
            b'lock table "Odd.One"."Queue" in access exclusive mode',
            b'select * from "Odd.One"."Queue"',
        )
    ]
    return holder.info.backend_pid, waiters


def blocked_by_prepared(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table orders (id int primary key, v int)", "insert into orders values (1, 1)")
    database.execute("begin", "update orders set v = 2", "prepare transaction 'it''s gone'")
    stack.callback(lambda: database.execute("rollback prepared 'it''s gone'"))
    waiting(stack, database, b"update orders set v = 3")


def table_of_another_database(stack: ExitStack, server: Server, database: Database) -> None:
    run_in(server, "create database elsewhere")
    stack.callback(lambda: run_in(server, "drop database elsewhere with (force)"))
    there = Database(name="elsewhere", base=database.base, major=database.major)
    there.execute("create table t (id int)")
    stack.enter_context(there.session("begin", "lock table t in access exclusive mode"))
    waiting(stack, there, b"select * from t")


def deadlock(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table pair (id int primary key, v int)", "insert into pair values (1, 1), (2, 2)")
    before = database.value("select deadlocks from pg_stat_database where datname = 'ward'")
    one = stack.enter_context(database.session("begin", "update pair set v = 0 where id = 1"))
    two = stack.enter_context(database.session("begin", "update pair set v = 0 where id = 2"))
    ended = Thread(target=_fails, args=(one, "update pair set v = 0 where id = 2"))
    ended.start()
    _fails(two, "update pair set v = 0 where id = 1")
    ended.join()
    one.close()
    two.close()
    seen = f"select deadlocks > {before} from pg_stat_database where datname = 'ward'"
    eventually(lambda: database.value(seen), what="the count of the deadlock")


def _fails(connection: psycopg.Connection[object], statement: str) -> None:
    try:
        connection.execute(statement.encode())
        connection.rollback()
    except psycopg.errors.DeadlockDetected:
        connection.rollback()


def many_locks(stack: ExitStack, server: Server, database: Database) -> None:
    session = stack.enter_context(database.session())
    slots = database.value(
        "select current_setting('max_locks_per_transaction')::int * (current_setting('max_connections')::int"
        " + current_setting('max_prepared_transactions')::int)"
    )
    session.execute(f"select pg_advisory_lock(n) from generate_series(1, {slots * 7 // 10}) as n")


def predicate_locks(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute(
        "create table wide (id int primary key, v text)",
        "insert into wide select n, repeat('x', 7000) from generate_series(1, 20) n",
    )
    stack.enter_context(
        database.session("begin isolation level serializable", "select count(*) from wide where id in (1, 2, 3)")
    )


CASES = {
    "queue": Case(
        check="pg.blocked-sessions", plant=queue, state="warning", values=QUICK,
        says='on "Odd.One"."Queue", blocked by pid',
    ),
    "long queue": Case(
        check="pg.blocked-sessions", plant=queue, state="critical", says="idle in transaction)",
        values={"params": {"warn_after": "1ms", "critical_after": "2ms"}},
    ),
    "short waits": Case(check="pg.blocked-sessions", plant=queue, state="ok", says=""),
    "prepared transaction": Case(
        check="pg.blocked-sessions", plant=blocked_by_prepared, state="warning", values=QUICK,
        says="on a row, blocked by the prepared transaction it's gone",
    ),
    "another database": Case(
        check="pg.blocked-sessions", plant=table_of_another_database, state="warning", values=QUICK,
        says="on a table of elsewhere, blocked by pid",
    ),
    "deadlock": Case(
        check="pg.deadlocks", plant=deadlock, state="warning", says="ward: 1 deadlock since",
        before=("2026-03-04T01:00Z",),
    ),
    "full lock table": Case(check="pg.lock-table", plant=many_locks, state="warning", says="lock slots used"),
    "predicate locks": Case(
        check="pg.lock-table", plant=predicate_locks, state="critical", says="for serializable transactions",
        values={"critical": "predicate_used > 0"}, healthy={"critical": "predicate_used > 0"},
    ),
    "no timeouts": Case(
        check="pg.timeouts", plant=lambda *_: None, state="warning", says="idle_in_transaction_session_timeout off",
        healthy={"warning": False},
    ),
}  # fmt: skip


@pytest.mark.quick
def test_they_are_seen_by_whoever_may_and_never_called_well(
    tmp_path: Path, patient: Server, database: Database
) -> None:
    examine_together(CASES, tmp_path, patient, database)


def test_every_waiter_names_the_root_and_not_its_neighbour(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.blocked-sessions", **QUICK)
    with ExitStack() as stack:
        root, waiters = queue(stack, patient, database)
        found = use.look()["findings"]
    assert sorted(finding["row"] for finding in found) == sorted([str(pid)] for pid in waiters)
    assert [f"blocked by pid {root} (postgres, idle in transaction)" in item["message"] for item in found] == [True] * 2
    assert {item["hint"] for item in found} == {f"select pg_terminate_backend({root})"}


@shows("pg.timeouts")
def test_timeouts_of_a_role_are_enough(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.timeouts")
    assert use.look()["state"] == "warning"
    database.execute("alter role minimal set idle_in_transaction_session_timeout = '10min'")
    try:
        said = use.look()
    finally:
        database.execute("alter role minimal reset idle_in_transaction_session_timeout")
    assert (said["state"], "set for 1 role or database" in said["summary"]) == ("ok", True)


def test_a_wait_is_as_long_as_the_wait_and_not_as_its_query(
    tmp_path: Path, patient: Server, database: Database
) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.blocked-sessions", warning="waiting > 0s", message="{{ waiting.value }}")
    database.execute("create table t (id int)")
    with database.session("begin", "lock table t in access exclusive mode"), ExitStack() as stack:
        pid = waiting(stack, database, b"do $$ begin perform pg_sleep(1); perform * from t; end $$")
        [told] = use.look()["findings"]
        since = (
            f"select extract(epoch from clock_timestamp() - waitstart) from pg_locks where pid = {pid} and not granted"
        )
        assert float(told["message"]) < database.value(since)


def test_deadlocks_that_were_forgotten_are_not_none(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.deadlocks")
    with ExitStack() as stack:
        deadlock(stack, patient, database)
    use.look("--now", "2026-03-04T01:00Z")
    database.execute("select pg_stat_reset()")
    count = "select deadlocks from pg_stat_database where datname = 'ward'"
    eventually(lambda: database.value(count) == 0, what="the reset")
    said = use.look("--now", "2026-03-04T02:00Z")
    found = {finding["row"][0]: finding["message"] for finding in said["findings"]}
    assert (said["state"], "went backwards" in found["ward"]) == ("unknown", True)
