"""Sessions: slots that run out, transactions that are forgotten, statements that take long, sessions that end badly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import CONNECTIONS, Case, run_in
from tests.catalogue.test_locks import waiting
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import Use

QUICK: dict[str, object] = {"params": {"warn_after": "1ms", "critical_after": "1h"}}
ONE_RUN: dict[str, object] = {"for": "1 run"}
BEFORE = ("2026-03-04T01:00Z",)


def idle_in_transaction(stack: ExitStack, server: Server, database: Database) -> None:
    stack.enter_context(database.session("begin", "select 1"))


def failed_transaction(stack: ExitStack, server: Server, database: Database) -> None:
    session = stack.enter_context(database.session("begin"))
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("select 1 / 0")


def strong_lock(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute('create schema "Odd.One"', 'create table "Odd.One"."T" (id int primary key)')
    stack.enter_context(database.session("begin", 'lock table "Odd.One"."T" in share mode'))


def strong_lock_elsewhere(stack: ExitStack, server: Server, database: Database) -> None:
    run_in(server, "create database elsewhere")
    stack.callback(lambda: run_in(server, "drop database elsewhere with (force)"))
    there = Database(name="elsewhere", base=database.base, major=database.major)
    there.execute("create table t (id int)")
    stack.enter_context(there.session("begin", "lock table t in share mode"))


def long_query(stack: ExitStack, server: Server, database: Database) -> None:
    session = database.connect()
    stack.callback(session.close)
    session.pgconn.send_query(b"select pg_sleep(3600)")
    pid = session.info.backend_pid
    stack.callback(lambda: database.execute(f"select pg_terminate_backend({pid})"))
    running = f"select count(*) from pg_stat_activity where pid = {pid} and state = 'active' and wait_event is not null"
    eventually(lambda: database.value(running), what="the long query")


def waits(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table guarded (id int)")
    stack.enter_context(database.session("begin", "lock table guarded in access exclusive mode"))
    waiting(stack, database, b"select * from guarded")


def prepared(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("create table done (id int)", "begin", "insert into done values (1)", "prepare transaction 'half'")
    stack.callback(lambda: database.execute("rollback prepared 'half'"))


def killed(stack: ExitStack, server: Server, database: Database) -> None:
    count = "select sessions_killed from pg_stat_database where datname = 'ward'"
    before = database.value(count)
    for _ in range(8):
        with database.session() as session:
            database.execute(f"select pg_terminate_backend({session.info.backend_pid})")
            pid = f"select count(*) = 0 from pg_stat_activity where pid = {session.info.backend_pid}"
            eventually(lambda pid=pid: database.value(pid), what="the session's end")
    eventually(lambda: database.value(count) >= before + 8, what="the count of ended sessions")


def crowd(stack: ExitStack, server: Server, database: Database) -> None:
    """Sessions until three slots are free beside those that only superusers may use, and limits of their own."""
    run_in(server, "alter database ward connection limit 20", "alter role postgres connection limit 10")
    stack.callback(lambda: run_in(server, "alter role postgres connection limit -1"))
    count = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    while database.value(count) < CONNECTIONS - 3 - 3:
        stack.enter_context(database.session())


CASES = {
    "idle in transaction": Case(
        check="pg.idle-in-transaction", plant=idle_in_transaction, state="warning", says="idle in a transaction",
        values=QUICK,
    ),
    "failed and idle": Case(
        check="pg.idle-in-transaction", plant=failed_transaction, state="warning", says="idle in a failed transaction",
        values=QUICK,
    ),
    "idle for a moment": Case(check="pg.idle-in-transaction", plant=idle_in_transaction, state="ok", says="too long"),
    "long transaction": Case(
        check="pg.long-transactions", plant=idle_in_transaction, state="warning", says="now idle in transaction",
        values=QUICK,
    ),
    "strong lock": Case(
        check="pg.idle-in-transaction-locks", plant=strong_lock, state="warning", values=QUICK,
        says='holds 1 strong lock: ShareLock on "Odd.One"."T"',
    ),
    "strong lock elsewhere": Case(
        check="pg.idle-in-transaction-locks", plant=strong_lock_elsewhere, state="warning", values=QUICK,
        says="ShareLock on a table of elsewhere",
    ),
    "long query": Case(
        check="pg.long-queries", plant=long_query, state="warning", values=QUICK, says="waits for Timeout: PgSleep"
    ),
    "wait events": Case(
        check="pg.wait-events", plant=waits, state="warning", says="1 session: Lock relation",
        values={**ONE_RUN, "params": {"max_sessions": 0}}, healthy={"params": {"max_sessions": 0}},
    ),
    "prepared transaction": Case(
        check="pg.prepared-transactions", plant=prepared, state="warning", says="half of postgres in ward", values=QUICK
    ),
    "killed sessions": Case(
        check="pg.lost-sessions", plant=killed, state="warning", says="ward: ", before=BEFORE,
        values={"params": {"max_per_hour": 1}},
    ),
    "many new sessions": Case(
        check="pg.session-churn", plant=killed, state="warning", says="ward: ", before=BEFORE,
        values={**ONE_RUN, "params": {"max_per_second": 0}},
    ),
    "unused sessions": Case(
        check="pg.idle-sessions", plant=crowd, state="warning", says="unused for more than 1ms",
        values={"params": {"idle_after": "1ms"}},
    ),
    "connections": Case(check="pg.connections", plant=crowd, state="critical", says="connections used: "),
    "limit of a role": Case(
        check="pg.connection-limits", plant=crowd, state="critical", says="the role postgres uses"
    ),
    "limit of a database": Case(
        check="pg.connection-limits", plant=crowd, state="warning", says="the database ward uses",
        values={"except": [{"kind": "role"}]},
    ),
}  # fmt: skip


@pytest.mark.quick
def test_they_are_seen_by_whoever_may_and_never_called_well(
    tmp_path: Path, patient: Server, database: Database
) -> None:
    examine_together(CASES, tmp_path, patient, database)


def test_locks_that_every_statement_takes_are_not_strong(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    use.write("pg.idle-in-transaction-locks", **QUICK)
    database.execute("create table t (id int primary key)")
    with database.session("begin", "insert into t values (1)", "select * from t for update"):
        assert use.look()["state"] == "ok"


@shows("pg.unencrypted-sessions")
def test_sessions_over_the_network_are_told_unless_they_are_encrypted_or_trusted(
    tmp_path: Path, own_server: Callable[..., Server]
) -> None:
    server = own_server(password="only-for-tests")
    run_in(server, "create role app login password 'only-for-tests'", "create role nobody login password 'x'")
    uses = {user: Use(tmp_path / user, server.options("postgres", user)) for user in ("postgres", "nobody")}
    with psycopg.connect(server.tcp_dsn("postgres", "app", "only-for-tests"), sslmode="disable"):
        for use in uses.values():
            use.write("pg.unencrypted-sessions")
        assert [use.look()["state"] for use in uses.values()] == ["ok", "unknown"]
        for use in uses.values():
            use.write("pg.unencrypted-sessions", params={"trusted_networks": ["203.0.113.0/24"]})
        found, blind = (use.look() for use in uses.values())
    assert found["state"] == "warning"
    assert found["findings"][0]["message"] == "app uses postgres from 127.0.0.1 in 1 session without encryption"
    assert (blind["state"], "lacks pg_monitor" in blind["summary"]) == ("unknown", True)


def test_a_reader_of_a_slot_is_no_long_query(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path / "home", patient.options("ward"))
    database.execute("create publication news", "select pg_create_logical_replication_slot('reader', 'pgoutput')")
    with closing(psycopg.connect(database.dsn(), autocommit=True, replication="database")) as reader:
        # Keywords of the replication protocol are told by their capital letters.
        reader.pgconn.send_query(
            b"START_REPLICATION SLOT reader LOGICAL 0/0 (proto_version '1', publication_names 'news')"
        )
        active = "select count(*) from pg_stat_activity where backend_type = 'walsender' and state = 'active'"
        eventually(lambda: database.value(active), what="the reader")
        for check in ("pg.long-queries", "pg.long-transactions"):
            use.write(check, **QUICK)
            assert use.look()["state"] == "ok"
        pid = reader.info.backend_pid
        database.execute(f"select pg_terminate_backend({pid})")
        gone = f"select count(*) = 0 from pg_stat_activity where pid = {pid}"
        eventually(lambda: database.value(gone), what="the end of the reader")
    database.execute("select pg_drop_replication_slot('reader')")
