"""Every check of the catalogue at once, on a primary and its standby, healthy and sick, in every role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.demo.embedded import Server
from runner.kinds.check.spec import CheckSpec
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import CANNOT_TELL, run_in
from tests.catalogue.structure import entries, sound
from tests.catalogue.witness import LOUD
from tests.cli.support import runner
from tests.postgres import SETTINGS, Database, Servers, eventually
from tests.shipped.standby import standby_of
from tests.shipped.support import database_of

pytestmark = pytest.mark.quick

USERS = ("postgres", "minimal", "nobody")
EXTENSIONS = ("pg_stat_statements", "pgstattuple", "pg_buffercache", "amcheck")
MOMENTS = ("2026-03-04T02:00Z", "2026-03-04T02:30Z")
# They look at something else than the server that the target names.
OTHERS = ("host.", "runner.", "fleet.", "pg.pgbouncer-", "pg.one-", "pg.cluster-", "pg.certificate-")
CHECKS = sorted(name for name in entries() if not name.startswith(OTHERS))
NEEDS_MORE = {
    "pg.agent-failures": "the extension pgagent",
    "pg.checksum-failures": "checksums, which initdb switches on from 18 on",
    "pg.cron-failures": "the extension pg_cron",
    "pg.expected-role": "a role that is expected",
    "pg.expected-version": "a version that is expected",
    "pg.failover-slots": "slots that are synchronized",
    "pg.huge-pages": "shared memory that is worth huge pages",
    "pg.standbys": "standbys that are expected",
    "pg.synchronous-standbys": "synchronous standbys",
    "pg.unused-indexes": "counters of four weeks",
}
"""Checks that are skipped on these servers; their own tests run them."""
SICK = (
    "create table bad (id int, other int)", "insert into bad select n % 2, n from generate_series(1, 9000) n",
    "create index one on bad (other)", "create index two on bad (other)", "create index three on bad (other, id)",
    "alter table bad add constraint positive check (id > 5) not valid",
    "create table small (id smallserial primary key, r bigint references r)", "select setval('small_id_seq', 32000)",
    "create unlogged table cache (id int)", "alter table small disable trigger all",
    "create table stale (id int primary key)", "insert into stale select generate_series(1, 9000)",
    "delete from stale where id > 100", "create materialized view report as select 1 as n with no data",
    "create table orders (id int)", "create policy own on orders using (false)",
    "create function trusting() returns int security definer language sql as 'select 1'",
    "create schema everybody", "grant create on schema everybody to public",
    "create table off (id int) with (autovacuum_enabled = off)",
    ("update pg_database set datfrozenxid = ((txid_current() - 1900000000 + 4294967296) % 4294967296)::text::xid"
    " where datname = 'ward'"),
    "select pg_create_physical_replication_slot('forgotten', true)",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    primary: Server
    standby: Server
    installed: tuple[str, ...]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Pair]:
    """A primary on which as many checks as possible have something to look at, and its standby."""
    folder = tmp_path_factory.mktemp("every")
    folder.chmod(0o755)
    primary = Server.start(folder / "primary", SETTINGS, version=server.version, programs=server.programs)
    here = [name for (name,) in database_of(primary).execute("select name from pg_available_extensions")]
    installed = tuple(name for name in EXTENSIONS if name in here)
    more = {
        "archive_mode": "on", "archive_command": "true", "logging_collector": "on", "track_functions": "all",
        "full_page_writes": "on",
        **({"shared_preload_libraries": "pg_stat_statements"} if "pg_stat_statements" in installed else {}),
        **({"summarize_wal": "on"} if server.major >= 17 else {}),
    }  # fmt: skip
    primary.configure({**SETTINGS, **more})
    primary.restart()
    run_in(primary, *ROLES, "create database ward")
    ward = database_of(primary, "ward")
    ward.execute(*(f"create extension {name}" for name in installed))
    ward.execute(
        "create table heartbeat (at timestamptz)", "insert into heartbeat values (now())",
        "create publication news for table heartbeat", "select pg_create_logical_replication_slot('reader', 'pgoutput')",
        "create subscription own connection 'host=/nonexistent' publication news with (connect = false)",
    )  # fmt: skip
    with sound(ward):
        standby = standby_of(primary, folder / "standby")
        look = "select count(*) from pg_stat_replication where state = 'streaming' and replay_lsn >= pg_current_wal_insert_lsn()"
        eventually(lambda: ward.value(look), what="a standby that has all")
        yield Pair(primary, standby, installed)
        standby.remove()
        primary.remove()


def home_of(path: Path, options: Mapping[str, str], values: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """A home with every check, and an operator's own values beside `use:`."""
    (path / "checks.d").mkdir(parents=True)
    target = {**options, "connect_timeout": "5", "databases": {"include": ["ward"]}}
    (path / "runner.yaml").write_text(json.dumps({"version": 1, "targets": {"main": target}, "sinks": {}}))
    jobs = [{"check": name.replace(".", "-"), "use": name, **(values or {}).get(name, {})} for name in CHECKS]
    (path / "checks.d" / "every.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))
    return path


def look(home: Path, moment: str) -> dict[str, Any]:
    """The results by the catalogue's names; none may be a fault of the program."""
    said = runner("run", "every", "--json", "--now", moment, home=home)
    assert said.err == "", said.err
    document = said.json()
    assert document["faults"] == []
    found = {result["job"]: result for result in document["results"]}
    return {name: found[name.replace(".", "-")] for name in CHECKS}


def failed(found: Mapping[str, Any], *, grants: bool) -> dict[str, str]:
    """Checks whose SQL the server refused; want of a grant counts unless the role is expected to lack some."""
    texts = {name: json.dumps(result) for name, result in found.items()}
    return {
        name: text
        for name, text in texts.items()
        if "SQLSTATE" in text or "not available: " in text or (grants and "lacks a grant" in text)
    }


@pytest.mark.parametrize("user", USERS)
def test_they_run_everywhere(tmp_path: Path, pair: Pair, user: str) -> None:
    ran: set[str] = set()
    for name, server in (("primary", pair.primary), ("standby", pair.standby)):
        home = home_of(tmp_path / name, server.options("ward", user))
        for moment in MOMENTS:
            found = look(home, moment)
            assert failed(found, grants=user != "nobody") == {}
            ran |= {name for name, result in found.items() if result["state"] != "skipped"}
    if user == "postgres":
        assert set(CHECKS) - ran - set(NEEDS_MORE) - absent(pair) == set()


def absent(pair: Pair) -> set[str]:
    """Checks for other versions, or of extensions that these programs come without."""
    found = set()
    for name in CHECKS:
        requires = entries()[name].job.requires
        low, high = requires.version or (0, None)
        if not low <= pair.primary.major <= (high or 99) or set(requires.extensions) - set(pair.installed):
            found.add(name)
        spec = entries()[name].job.spec
        if isinstance(spec, CheckSpec) and spec.sql and spec.sql.lowest > pair.primary.major:
            found.add(name)
    return found


def test_what_cannot_be_seen_names_the_grant(tmp_path: Path, pair: Pair) -> None:
    found = look(home_of(tmp_path, pair.primary.options("ward", "nobody")), MOMENTS[0])
    blind = {name: result["summary"] for name, result in found.items() if result["state"] == "unknown"}
    assert len(blind) > 20
    silent = {
        name: text
        for name, text in blind.items()
        if not any(word in text for word in ("grant", "pg_monitor", "superuser"))
    }
    assert silent == {}


def test_exceptions_leave_out_what_they_name_and_nothing_else(tmp_path: Path, pair: Pair) -> None:
    keys = {name: entries()[name].job.spec.rule.key for name in CHECKS}  # type: ignore[attr-defined]
    nothing = {name: {"except": [{column: "no such *"} for column in key]} for name, key in keys.items() if key}
    all_of_it = {name: {"except": [{key[0]: "*"}]} for name, key in keys.items() if key}
    assert len(nothing) > 80
    options = pair.primary.options("ward", "postgres")
    plain, same, none = (
        look(home_of(tmp_path / word, options, values), MOMENTS[0])
        for word, values in (("plain", {}), ("same", nothing), ("none", all_of_it))
    )
    for name in nothing:
        assert failed({name: none[name]}, grants=True) == {}
        assert same[name]["state"] == plain[name]["state"], name
        assert none[name]["findings"] == [], name


def test_nobody_is_told_ok_where_somebody_sees_worse(tmp_path: Path, pair: Pair) -> None:
    """All checks on a server with many faults at once, also those whose fault nobody planted."""
    homes = {user: home_of(tmp_path / user, pair.primary.options("ward", user)) for user in USERS}
    with ExitStack() as stack:
        sick(stack, pair.primary)
        found = {}
        for moment in MOMENTS:
            found = {user: look(home, moment) for user, home in homes.items()}
    loud = {name for name, result in found["postgres"].items() if result["state"] in LOUD}
    assert len(loud) > 20, sorted(loud)
    for user in USERS[1:]:
        wrong = {
            name: (found["postgres"][name]["state"], found[user][name]["state"], found["postgres"][name]["summary"])
            for name in loud
            if found[user][name]["state"] not in {found["postgres"][name]["state"], *CANNOT_TELL}
        }
        assert wrong == {}, user


def sick(stack: ExitStack, server: Server) -> None:
    ward = Database(name="ward", base=server.dsn(), major=server.major)
    ward.execute(*SICK)
    stack.callback(run_in, server, "select pg_drop_replication_slot('forgotten')")
    stack.enter_context(ward.session("begin", "lock table bad in share mode"))
    ward.execute(
        "alter system set zero_damaged_pages = on", "alter system set work_mem = '3GB'", "select pg_reload_conf()"
    )
    eventually(
        lambda: ward.value("select n_dead_tup > 5000 from pg_stat_user_tables where relname = 'stale'"), what="counts"
    )
