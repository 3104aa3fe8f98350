"""Faults of replication, on a primary that has a standby, and on that standby."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import Case, examine, run_in
from tests.catalogue.witness import shows
from tests.postgres import SETTINGS, Database, Servers, eventually
from tests.shipped.standby import standby_of
from tests.shipped.support import Use, database_of

# What was committed is inserted, and maybe not yet written: commits are not waited for here.
QUIET_NOW = (
    "select count(*) from pg_stat_replication where state = 'streaming' and replay_lsn >= pg_current_wal_insert_lsn()"
)
ONCE = {"for": "1 run"}


@dataclass(frozen=True)
class Pair:
    primary: Server
    standby: Server

    def settle(self) -> None:
        eventually(lambda: database_of(self.primary).value(QUIET_NOW), what="a standby that has all")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    folder.chmod(0o755)
    # The WAL that is kept is for the standby, while a test takes it from a slot.
    settings = {**SETTINGS, "wal_keep_size": "64MB", "wal_retrieve_retry_interval": "200ms"}
    primary = Server.start(folder / "primary", settings, version=server.version, programs=server.programs)
    run_in(
        primary, *ROLES, "create table load (id int primary key, filler text)", "create publication p for table load"
    )
    standby = standby_of(primary, folder / "standby")
    both = Pair(primary, standby)
    both.settle()
    yield both
    standby.remove()
    primary.remove()


def set_and_reload(stack: ExitStack, server: Server, **settings: str) -> None:
    """Until the end of the case."""
    names = [f"alter system set {name} = '{value}'" for name, value in settings.items()]
    stack.callback(run_in, server, *(f"alter system reset {name}" for name in settings), "select pg_reload_conf()")
    run_in(server, *names, "select pg_reload_conf()")


def write_rows(server: Server, rows: int = 3000) -> None:
    run_in(server, "truncate load", f"insert into load select n, repeat('x', 1000) from generate_series(1, {rows}) n")


def physical_slot(stack: ExitStack, server: Server, database: Database, reserve: str = "true") -> None:
    database.execute(f"select pg_create_physical_replication_slot('forgotten', {reserve})")
    stack.callback(run_in, server, "select pg_drop_replication_slot('forgotten')")


def unused_slot(stack: ExitStack, server: Server, database: Database) -> None:
    physical_slot(stack, server, database, reserve="false")


def lost_slot(stack: ExitStack, server: Server, database: Database) -> None:
    """More WAL than the limit behind the slot, and a checkpoint that takes it away."""
    physical_slot(stack, server, database)
    set_and_reload(stack, server, max_slot_wal_keep_size="16MB")
    eventually(lambda: database.value("select current_setting('max_slot_wal_keep_size') = '16MB'"), what="the setting")

    def lost() -> Any:
        switch = "select pg_logical_emit_message(false, 'runner', 'x')", "select pg_switch_wal()"
        run_in(server, *switch * 3, "checkpoint")
        return database.value("select wal_status = 'lost' from pg_replication_slots")

    eventually(lost, what="the loss of the slot")


def logical_slot(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("select pg_create_logical_replication_slot('subscriber', 'pgoutput')")
    stack.callback(run_in, server, "select pg_drop_replication_slot('subscriber')")
    write_rows(server)


def pinned_catalogue(stack: ExitStack, server: Server, database: Database) -> None:
    logical_slot(stack, server, database)
    for _ in range(3):
        database.execute("select txid_current()")


def decode(database: Database, how: str) -> None:
    """`peek` or `get` what the slot has, in so little memory that it spills."""
    options = "'proto_version', '1', 'publication_names', 'p'"
    with database.session("set logical_decoding_work_mem = '64kB'") as session:
        call = f"pg_logical_slot_{how}_binary_changes('subscriber', null, null, {options})"
        session.execute(f"select count(*) from {call}".encode())


def no_synchronous_standby(stack: ExitStack, server: Server, database: Database) -> None:
    set_and_reload(stack, server, synchronous_standby_names="FIRST 2 (standby1, nobody)")
    seen = "select count(*) from pg_stat_replication where sync_state = 'sync'"
    eventually(lambda: database.value(seen), what="the synchronous standby")


def one_subscription(stack: ExitStack, server: Server, database: Database, copy: str = "false") -> Database:
    """Of the table `news` in a database of its own, from this same server."""
    run_in(server, "create database reader")
    stack.callback(run_in, server, "drop database reader with (force)")
    reader = database_of(server, "reader")
    table = "create table news (id int primary key)"
    database.execute(table, "insert into news values (1)", "create publication news for table news")
    database.execute("select pg_create_logical_replication_slot('s1', 'pgoutput')")
    stack.callback(database.execute, "drop publication news", "drop table news")
    address = f"host={server.sockets} port={server.port} user=postgres dbname={database.name}"
    reader.execute(
        table,
        "insert into news values (1)",
        f"create subscription s1 connection '{address}' publication news with (create_slot = false, copy_data = {copy})",
    )
    stack.callback(reader.execute, "alter subscription s1 disable", "drop subscription s1")
    return reader


def worker(server: Server) -> Any:
    look = "select count(*) from pg_stat_subscription where subname = 's1' and relid is null and pid is not null"
    return database_of(server).value(look)


def disabled(stack: ExitStack, server: Server, database: Database) -> None:
    reader = one_subscription(stack, server, database)
    eventually(lambda: worker(server), what="the worker")
    reader.execute("alter subscription s1 disable")
    eventually(lambda: not worker(server), what="the worker's end")


def no_publisher(stack: ExitStack, server: Server, database: Database) -> None:
    reader = one_subscription(stack, server, database)
    eventually(lambda: worker(server), what="the worker")
    good = reader.value("select subconninfo from pg_subscription")
    stack.callback(reader.execute, f"alter subscription s1 connection '{good}'")
    reader.execute("alter subscription s1 connection 'host=/nonexistent'")
    eventually(lambda: not worker(server), what="the worker's end")


def copy_fails(stack: ExitStack, server: Server, database: Database) -> None:
    """The row that is copied stands in the table already."""
    reader = one_subscription(stack, server, database, copy="true")
    eventually(lambda: reader.value("select srsubstate = 'd' from pg_subscription_rel"), what="the copy")


def copy_fails_and_counts(stack: ExitStack, server: Server, database: Database) -> None:
    copy_fails(stack, server, database)
    failed = "select apply_error_count + sync_error_count > 0 from pg_stat_subscription_stats"
    eventually(lambda: database.value(failed), what="the failure")


CASES: dict[str, Case] = {
    "a slot that nobody reads": Case(
        check="pg.replication-slots", plant=physical_slot, state="warning", says="is not read by anybody",
    ),
    "a slot that was never used": Case(
        check="pg.replication-slots", plant=unused_slot, state="warning", says="holds no WAL, not used yet",
    ),
    "an unread slot that keeps much": Case(
        check="pg.replication-slots", plant=logical_slot, state="critical", says="slot subscriber (logical in postgres)",
        values={"params": {"critical_unread": "1MB"}},
    ),
    "a lost slot": Case(
        check="pg.replication-slots", plant=lost_slot, state="critical", says="slot forgotten (physical) is lost: ",
    ),
    "a slot that pins the catalogues": Case(
        check="pg.slot-xmin-age", plant=pinned_catalogue, state="warning", says="slot subscriber (logical, not read",
        values={"params": {"warn_age": 2}},
    ),
    "a logical slot that is behind": Case(
        check="pg.logical-slot-lag", plant=logical_slot, state="warning", says="the reader of subscriber (pgoutput",
        values={**ONCE, "params": {"warn_bytes": "1MB"}},
    ),
    "a synchronous standby that is missing": Case(
        check="pg.synchronous-standbys", plant=no_synchronous_standby, state="critical",
        says="1 of 2 synchronous standbys streaming (standby1)", quiet=frozenset({"skipped"}),
    ),
    "an expected standby that is missing": Case(
        check="pg.standbys", plant=lambda *_: None, state="critical", says="standby2 is not connected",
        healthy={"params": {"standbys": ["standby1"]}}, values={**ONCE, "params": {"standbys": ["standby1", "standby2"]}},
    ),
    "a subscription that was disabled": Case(
        check="pg.subscriptions", plant=disabled, state="warning", says="subscription s1 in reader is disabled", values=ONCE,
    ),
    "a subscription without its publisher": Case(
        check="pg.subscriptions", plant=no_publisher, state="critical", says="subscription s1 in reader has no worker",
        values=ONCE,
    ),
    "a table that cannot be copied": Case(
        check="pg.subscription-tables", plant=copy_fails, state="warning", says="public.news of the subscription s1",
        values={**ONCE, "targets": "main"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_of_the_primary(tmp_path: Path, pair: Pair, name: str) -> None:
    examine(CASES[name], tmp_path, pair.primary, database_of(pair.primary))


def lagging(stack: ExitStack, standby: Server, primary: Database) -> None:
    """Replay is paused while the primary goes on."""
    stack.callback(run_in, standby, "select pg_wal_replay_resume()")
    run_in(standby, "select pg_wal_replay_pause()")
    primary.execute("truncate load", "insert into load select n, repeat('x', 1000) from generate_series(1, 3000) n")
    behind = "select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) > 1e6"
    eventually(lambda: database_of(standby).value(behind), what="the lag")


def broken_link(stack: ExitStack, standby: Server, primary: Database) -> None:
    """All that came was replayed, and nothing comes any more."""
    set_and_reload(stack, standby, primary_conninfo="host=/nonexistent")
    gone = "select count(*) = 0 from pg_stat_wal_receiver where status = 'streaming'"
    eventually(lambda: database_of(standby).value(gone), what="the end of the link")
    primary.execute("truncate load", "insert into load select n, repeat('x', 1000) from generate_series(1, 3000) n")


def cancelled_query(stack: ExitStack, standby: Server, primary: Database) -> None:
    set_and_reload(stack, standby, max_standby_streaming_delay="0")
    here = database_of(standby)
    eventually(lambda: here.value("select current_setting('max_standby_streaming_delay') = '0'"), what="the setting")
    primary.execute("truncate load", "insert into load select n, 'x' from generate_series(1, 1000) n")
    eventually(lambda: here.value("select count(*) = 1000 from load"), what="the rows")
    # An earlier test can have left as many: only what was replayed whole leaves no other conflict behind.
    eventually(lambda: primary.value(QUIET_NOW), what="a standby that has all")
    session = stack.enter_context(here.connect(autocommit=False))
    session.execute("set transaction isolation level repeatable read")
    session.execute("select count(*) from load")
    primary.execute("delete from load", "vacuum (truncate false) load")
    with pytest.raises(psycopg.Error):
        eventually(lambda: session.execute("select count(*) from load") and False, what="the conflict")
    look = "select sum(confl_snapshot) > 0 from pg_stat_database_conflicts"
    eventually(lambda: here.value(look), what="the count of conflicts")


STANDBY: dict[str, Case] = {
    "replay is paused": Case(
        check="pg.standby-lag", plant=lagging, state="warning", says="replay is paused", values=ONCE,
    ),
    "replay is far behind": Case(
        check="pg.standby-lag", plant=lagging, state="critical", says="to replay", values={**ONCE, "params": {"critical_bytes": "1MB"}},
    ),
    "the link is broken": Case(
        check="pg.standby-lag", plant=broken_link, state="critical", says="not connected to the primary, the last commit",
        values=ONCE,
    ),
    "queries are cancelled": Case(
        check="pg.recovery-conflicts", plant=cancelled_query, state="warning", says="queries cancelled an hour",
        values={"params": {"warn_per_hour": 0.5}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STANDBY)
def test_of_the_standby(tmp_path: Path, pair: Pair, name: str) -> None:
    pair.settle()
    examine(STANDBY[name], tmp_path, pair.standby, database_of(pair.primary))


def test_an_idle_primary_is_no_lag(tmp_path: Path, pair: Pair) -> None:
    """Nothing was committed for as long as the limit, and the standby has it all."""
    pair.settle()
    here, there = Use(tmp_path / "a", pair.standby.options()), Use(tmp_path / "b", pair.primary.options())
    here.write("pg.standby-lag", **ONCE, params={"warn_lag": "1ms", "critical_lag": "2ms"})
    there.write("pg.replication-lag", **ONCE, params={"warn_bytes": "1MB"})
    assert "0 B and 0 ms to replay" in eventually(lambda: _ok(here), what="a standby without lag")["summary"]
    assert there.look()["summary"] == "1 standby connected, 0 too far behind"


def _ok(use: Use) -> Any:
    found = use.look()
    return found if found["state"] == "ok" else None


def _loud(use: Use, state: str, says: str, *words: str) -> None:
    found = eventually(lambda: _in(use.look(*words), state), what=f"{state}: {says}")
    assert any(says in finding["message"] for finding in found["findings"]), found["findings"]


def _in(found: Any, state: str) -> Any:
    return found if found["state"] == state else None


def test_a_standby_that_is_behind_as_the_primary_sees_it(tmp_path: Path, pair: Pair) -> None:
    pair.settle()
    for user in ("postgres", "minimal"):
        use = Use(tmp_path / user, pair.primary.options(user=user))
        use.write("pg.replication-lag", **ONCE, params={"warn_bytes": "1MB"})
        with ExitStack() as stack:
            lagging(stack, pair.standby, database_of(pair.primary))
            _loud(use, "warning", "standby1 (async, streaming) is ")
        pair.settle()
    use.options = pair.primary.options(user="nobody")
    use.write("pg.replication-lag", **ONCE)
    assert use.look()["state"] == "unknown"
    use.options = pair.standby.options()
    use.write("pg.replication-lag")
    assert use.look()["state"] in {"skipped", "unknown"}


@shows("pg.heartbeat")
def test_a_heartbeat_that_stops_on_the_way(tmp_path: Path, pair: Pair) -> None:
    pair.settle()
    primary = database_of(pair.primary)
    here = {user: Use(tmp_path / user, pair.standby.options(user=user)) for user in ("postgres", "minimal", "nobody")}
    for use in here.values():
        use.write("pg.heartbeat", params={"table": 'beats."Pulse"', "warn_after": "1h", "critical_after": "2h"})
        assert use.look()["state"] == "skipped"
    with ExitStack() as stack:
        primary.execute(
            "create schema beats",
            "grant usage on schema beats to public",
            'create table beats."Pulse" (at timestamptz)',
        )
        stack.callback(primary.execute, "drop schema beats cascade")
        pair.settle()
        assert "grant select on" in here["minimal"].look()["summary"]
        primary.execute('grant select on beats."Pulse" to minimal')
        pair.settle()
        assert [use.look()["state"] for use in here.values()] == ["unknown"] * 3
        primary.execute("""insert into beats."Pulse" values (now() - interval '90 min')""")
        pair.settle()
        assert [use.look()["state"] for use in here.values()] == ["warning", "warning", "unknown"]
        primary.execute('update beats."Pulse" set at = now()')
        pair.settle()
        assert [use.look()["state"] for use in here.values()] == ["ok", "ok", "unknown"]
        stack.callback(run_in, pair.standby, "select pg_wal_replay_resume()")
        run_in(pair.standby, "select pg_wal_replay_pause()")
        primary.execute('update beats."Pulse" set at = now()')
        for use in here.values():
            use.write("pg.heartbeat", params={"table": 'beats."Pulse"', "warn_after": "1ms", "critical_after": "2ms"})
        assert [use.look()["state"] for use in here.values()] == ["critical", "critical", "unknown"]


@shows("pg.synchronous-standbys", loud=False)
def test_a_synchronous_standby_that_is_there(tmp_path: Path, pair: Pair) -> None:
    pair.settle()
    database = database_of(pair.primary)
    use = Use(tmp_path / "home", pair.primary.options(user="minimal"))
    use.write("pg.synchronous-standbys")
    with ExitStack() as stack:
        set_and_reload(stack, pair.primary, synchronous_standby_names="FIRST 1 (standby1)")
        eventually(
            lambda: database.value("select count(*) from pg_stat_replication where sync_state = 'sync'"), what="it"
        )
        assert use.look()["state"] == "ok"


@shows("pg.logical-decoding-spill")
def test_logical_decoding_that_spills(tmp_path: Path, pair: Pair) -> None:
    """The counters begin with the slot, so it is there before the first look."""
    primary = database_of(pair.primary)
    for user in ("postgres", "minimal", "nobody"):
        use = Use(tmp_path / user, pair.primary.options(user=user))
        use.write("pg.logical-decoding-spill", **ONCE, params={"warn_per_hour": "10kB"})
        with ExitStack() as stack:
            primary.execute("select pg_create_logical_replication_slot('subscriber', 'pgoutput')")
            stack.callback(primary.execute, "select pg_drop_replication_slot('subscriber')")
            decode(primary, "get")
            eventually(lambda: primary.value("select count(*) from pg_stat_replication_slots"), what="the counters")
            assert use.look("--now", "2026-03-04T02:00Z")["state"] == "learning"
            write_rows(pair.primary)
            decode(primary, "peek")
            eventually(lambda: primary.value("select spill_bytes > 0 from pg_stat_replication_slots"), what="the spill")
            _loud(use, "warning", "slot subscriber spills", "--now", "2026-03-04T03:00Z")
            assert use.look("--now", "2026-03-04T04:00Z")["state"] == "ok"


@pytest.mark.pg(">=15")
@shows("pg.subscription-errors")
def test_a_subscription_that_fails(tmp_path: Path, pair: Pair) -> None:
    errors = "select coalesce(max(apply_error_count + sync_error_count), 0) from pg_stat_subscription_stats"
    primary = database_of(pair.primary)
    with ExitStack() as stack:
        copy_fails_and_counts(stack, pair.primary, primary)
        uses = [Use(tmp_path / user, pair.primary.options(user=user)) for user in ("postgres", "minimal", "nobody")]
        for use in uses:
            use.write("pg.subscription-errors")
            assert use.look("--now", "2026-03-04T02:00Z")["state"] == "learning"
        before = primary.value(errors)
        eventually(lambda: primary.value(errors) > before, what="the next failure")
        for use in uses:
            _loud(use, "warning", "subscription s1 in reader: ", "--now", "2026-03-04T03:00Z")
        database_of(pair.primary, "reader").execute("alter subscription s1 disable")
        eventually(lambda: not worker(pair.primary), what="the worker's end")
        for use in uses:
            use.look("--now", "2026-03-04T04:00Z")
            assert use.look("--now", "2026-03-04T05:00Z")["state"] == "ok"


@pytest.fixture
def second(tmp_path: Path, pair: Pair) -> Iterator[Server]:
    """Another standby, which follows the first one."""
    pair.settle()
    started = standby_of(pair.primary, tmp_path / "second")
    to_the_first = f"host={pair.standby.sockets} port={pair.standby.port} user=postgres application_name=standby2"
    run_in(started, f"alter system set primary_conninfo = '{to_the_first}'", "select pg_reload_conf()")
    look = "select count(*) from pg_stat_replication where application_name = 'standby2' and state = 'streaming'"
    eventually(lambda: database_of(pair.standby).value(look), what="the cascade")
    yield started
    started.remove()


@shows("pg.cascading-lag", "pg.timeline")
def test_a_cascade_and_a_promotion(tmp_path: Path, pair: Pair, second: Server) -> None:
    cascade = Use(tmp_path / "cascade", pair.standby.options(user="minimal"))
    cascade.write("pg.cascading-lag", **ONCE, params={"warn_bytes": "1MB"})
    eventually(lambda: _ok(cascade), what="a cascade without lag")
    with ExitStack() as stack:
        lagging(stack, second, database_of(pair.primary))
        _loud(cascade, "warning", "standby2 (streaming) is ")
    timeline = Use(tmp_path / "timeline", second.options(user="minimal"))
    timeline.write("pg.timeline")
    assert [timeline.look()["state"] for _ in range(2)] == ["learning", "ok"]
    run_in(second, "select pg_promote()")
    assert (changed := timeline.look())["state"] == "warning"
    assert changed["summary"] == "timeline 2"
    _loud(cascade, "critical", "standby2 is gone")


def of_cluster(use: Use, **targets: Server) -> None:
    """Writes the check for targets of one cluster."""
    use.write("pg.cluster-standbys", **ONCE, params={"warn_bytes": "1MB"})
    told = {name: {**server.options(user="minimal"), "labels": {"cluster": "shop"}} for name, server in targets.items()}
    (use.path / "runner.yaml").write_text(json.dumps({"version": 1, "targets": told, "sinks": {}}))


@shows("pg.cluster-standbys")
def test_a_cluster_asked_at_both_ends(tmp_path: Path, pair: Pair) -> None:
    pair.settle()
    use = Use(tmp_path / "home", {})
    of_cluster(use, db1=pair.primary, db2=pair.standby)
    assert "1 standby, 0 not following" in eventually(lambda: _ok(use), what="a standby that follows")["summary"]
    with ExitStack() as stack:
        lagging(stack, pair.standby, database_of(pair.primary))
        _loud(use, "warning", "shop: db2 follows db1, ")
    pair.settle()
    promoted = standby_of(pair.primary, tmp_path / "promoted")
    try:
        run_in(promoted, "select pg_promote()")
        of_cluster(use, db1=promoted, db2=pair.standby)
        _loud(use, "critical", "shop: db2 is on timeline 1, db1 is on 2")
        promoted.stop()
        _loud(use, "unknown", "shop: db2 cannot be compared: no primary answers")
    finally:
        promoted.remove()


@pytest.mark.pg(">=17")
@shows("pg.failover-slots")
def test_slots_for_a_failover(tmp_path: Path, pair: Pair) -> None:
    primary = database_of(pair.primary)
    use = Use(tmp_path / "home", pair.standby.options(user="minimal"))
    use.write("pg.failover-slots", **ONCE)
    assert use.look()["state"] == "skipped"
    with ExitStack() as stack:
        primary.execute("select pg_create_physical_replication_slot('standby1', true)")
        drop = (
            "select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots where slot_name = 'standby1'"
        )
        free = f"{drop} and not active"
        stack.callback(lambda: eventually(lambda: primary.value(free), what="the end of the slot's use"))
        conninfo = f"host={pair.primary.sockets} user=postgres application_name=standby1 dbname=postgres"
        needed = {"hot_standby_feedback": "on", "primary_slot_name": "standby1", "primary_conninfo": conninfo}
        set_and_reload(stack, pair.standby, **needed, sync_replication_slots="on")
        eventually(lambda: _ok(use), what="the worker")
        primary.execute("select pg_create_logical_replication_slot('s1', 'pgoutput', failover => true)")
        stack.callback(primary.execute, "select pg_drop_replication_slot('s1')")
        eventually(lambda: _ok_with(use, "1 synchronized"), what="the copied slot")
        run_in(pair.standby, "alter system set hot_standby_feedback = 'off'", "select pg_reload_conf()")
        _loud(use, "warning", "(worker) does not run")


def _ok_with(use: Use, says: str) -> Any:
    found = use.look()
    return found if found["state"] == "ok" and says in found["summary"] else None


@shows("pg.replication-lag")
def test_the_only_standby_leaves(tmp_path: Path, pair: Pair) -> None:
    pair.settle()
    use = Use(tmp_path / "home", pair.primary.options(user="minimal"))
    use.write("pg.replication-lag")
    assert use.look()["state"] == "ok"
    pair.standby.stop()
    eventually(lambda: not database_of(pair.primary).value(QUIET_NOW), what="the end of the connection")
    use.look()
    _loud(use, "critical", "standby1 is gone")
    pair.standby.resume()
    pair.settle()
    assert use.look()["state"] == "ok"
