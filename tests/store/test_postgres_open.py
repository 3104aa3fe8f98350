"""Opening a store in PostgreSQL: made on first use, never in what is another's, and every refusal is a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import sql

from runner.demo.embedded import Server
from runner.errors import StoreError
from runner.model.target import Target
from runner.store.address import is_postgres, read_address
from runner.store.base import Recorded
from runner.store.open import check_url, open_store, same_database, shown_url
from runner.store.postgres import session
from runner.store.postgres.session import numbered
from runner.store.postgres.writing import WRITE_KEY
from runner.store.schema import MIGRATIONS, VERSION
from tests.postgres import ROLE_PASSWORD, Database, Servers
from tests.store.make import T0, finish, hours, make_claim, make_result
from tests.store.shared import url_of

URL = "postgresql://bob:hunter2@db.example.org:5433/history?sslmode=require"


def refusal(url: str, home: Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_store(url, home)
    assert caught.value.hint
    shown = f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in shown
    assert "hunter2" not in shown
    assert ROLE_PASSWORD not in shown
    return caught.value


@pytest.fixture
def role(server: Servers, store_database: Database) -> Iterator[str]:
    """A login role that has no right at all in the store's database but to connect."""
    name = f"store_{uuid4().hex[:8]}"
    server.run(sql.SQL("create role {} login").format(sql.Identifier(name)))
    yield name
    store_database.execute(f"drop owned by {name}", f"drop role {name}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, "postgresql://db.example.org:5433/history"),
        ("postgres://host/db", "postgresql://host/db"),
        ("postgresql://u:hunter2@one,two:5433/db", "postgresql://one,two:5433/db"),
        ("postgresql://[::1]:5432/db?password=hunter2", "postgresql://[::1]:5432/db"),
        ("sqlite:.runner/state.db", "sqlite:.runner/state.db"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert "hunter2" not in repr(read_address(url) if is_postgres(url) else "")


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (URL, {"hunter2"}),
        ("postgresql://u:hunter%2F2@h/db", {"hunter/2", "hunter%2F2"}),
        ("postgresql://h/db?password=hunter2", {"hunter2"}),
        ("postgresql://h/db", set()),
        ("sqlite:x.db", set()),
    ],
)
def test_the_secrets_of_a_url_are_known_without_opening_it(tmp_path: Path, url: str, secrets: set[str]) -> None:
    assert {secret.reveal() for secret in check_url(url, tmp_path)} == secrets


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"host": "db.example.org", "port": "5433", "dbname": "history"}, True),
        ({"host": "DB.example.org", "port": "5433", "user": "history"}, True),
        ({"host": "other,db.example.org", "port": "5433", "dbname": "history"}, True),
        ({"host": "db.example.org", "dbname": "history"}, False),
        ({"host": "db.example.org", "port": "5433", "dbname": "shop"}, False),
    ],
)
def test_a_store_in_a_watched_database_is_recognised(options: dict[str, str], same: bool) -> None:
    assert same_database(URL, Target(name="t", options=options)) is same
    assert not same_database("sqlite:x.db", Target(name="t", options=options))


def test_marks_of_parameters_become_numbers() -> None:
    assert numbered("a = ? and b = ?") == "a = $1 and b = $2"
    assert numbered("a = ?2 or a = ?1") == "a = $2 or a = $1"


def test_the_schema_is_made_and_found_again(tmp_path: Path, store_database: Database, shared_url: str) -> None:
    for _ in range(2):
        with open_store(shared_url, tmp_path) as store:
            assert store.durable
            store.tick("one", T0)
    assert store_database.value("select value from runner.facts where name = 'version'") == str(VERSION)
    assert store_database.execute("select nspname from pg_namespace where nspname = 'runner'") == [("runner",)]
    assert store_database.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    with open_store(shared_url, tmp_path / "other host") as store:
        tick = store.last_tick()
        assert tick is not None
        assert tick.id == "one"


def test_sessions_have_the_settings_of_the_store(tmp_path: Path, store_database: Database, shared_url: str) -> None:
    store_database.execute(
        f'alter database "{store_database.name}" set synchronous_commit = off',
        f'alter database "{store_database.name}" set search_path = public',
    )
    with session.connect(read_address(shared_url)) as connection:
        for name, value in {
            "search_path": "runner", "synchronous_commit": "on", "lock_timeout": "15s", "statement_timeout": "2min",
            "idle_in_transaction_session_timeout": "1min", "client_connection_check_interval": "5s",
            "application_name": "runner store",
        }.items():  # fmt: skip
            assert connection.execute(f"show {name}").fetchone() == (value,), name  # type: ignore[arg-type]
    store_database.execute(f'alter database "{store_database.name}" reset all')


def test_the_schema_of_another_program_is_refused(tmp_path: Path, store_database: Database, shared_url: str) -> None:
    store_database.execute("create schema runner", "create table runner.races (horse text)")
    assert "belongs to another program" in refusal(shared_url, tmp_path).message
    store_database.execute("create table runner.facts (horse text)")
    assert "belongs to another program" in refusal(shared_url, tmp_path).message
    store_database.execute("drop table runner.facts", "create table runner.facts (name text, value text)")
    assert "belongs to another program" in refusal(shared_url, tmp_path).message
    assert store_database.value("select count(*) from pg_class where relnamespace = 'runner'::regnamespace") == 2


def test_a_newer_schema_is_refused(tmp_path: Path, store_database: Database, shared_url: str) -> None:
    open_store(shared_url, tmp_path).close()
    store_database.execute(f"update runner.facts set value = '{VERSION + 1}' where name = 'version'")
    assert "newer runner" in refusal(shared_url, tmp_path).message


def _with_migration(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    monkeypatch.setattr("runner.store.schema.MIGRATIONS", (*MIGRATIONS, statements))
    monkeypatch.setattr("runner.store.postgres.tables.VERSION", VERSION + 1)


def test_an_older_schema_is_brought_up_to_date(
    tmp_path: Path, store_database: Database, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(shared_url, tmp_path) as store:
        finish(store, make_result("a"))
    _with_migration(monkeypatch, "create table later (a {number})", "insert into later values (1)")
    for _ in range(2):
        with open_store(shared_url, tmp_path) as store:
            assert [run.run for run in store.runs()] == ["a"]
    assert store_database.execute("select * from runner.later") == [(1,)]


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, store_database: Database, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(shared_url, tmp_path).close()
    _with_migration(monkeypatch, "create table later (a {number})", "no such statement")
    assert "cannot be used" in refusal(shared_url, tmp_path).message
    assert store_database.value("select to_regclass('runner.later')") is None
    assert store_database.value("select value from runner.facts where name = 'version'") == str(VERSION)


def test_a_role_without_rights_is_told_which_to_get_and_they_suffice(
    tmp_path: Path, store_database: Database, role: str
) -> None:
    url = url_of(store_database.options(), user=role)
    error = refusal(url, tmp_path)
    assert "permission denied" in error.message
    assert f"create schema runner authorization {role}" in error.hint
    assert f"grant create on database {store_database.name} to {role}" in error.hint
    store_database.execute(f"create schema runner authorization {role}")
    with open_store(url, tmp_path) as store:
        finish(store, make_result("a"))


def test_the_tables_of_another_role_are_refused_with_the_grant(
    tmp_path: Path, store_database: Database, shared_url: str, role: str
) -> None:
    open_store(shared_url, tmp_path).close()
    url = url_of(store_database.options(), user=role)
    error = refusal(url, tmp_path)
    assert "permission denied" in error.message
    assert f"grant OWNER to {role}" in error.hint
    store_database.execute(f"grant postgres to {role}")
    with open_store(url, tmp_path) as store:
        assert store.runs() == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "/nowhere"}, "cannot be reached"),
        ({"host": "127.0.0.1", "port": "1", "password": "hunter2"}, "Connection refused"),
        ({"dbname": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"user": "nobody_here"}, 'role "nobody_here" does not exist'),
        ({"host": "no-such-host.invalid", "password": "hunter2"}, "cannot be reached"),
    ],
)
def test_a_server_that_cannot_be_reached_is_a_sentence(
    tmp_path: Path, store_database: Database, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], message: str
) -> None:
    monkeypatch.setattr("runner.store.postgres.engine._OPEN_SECONDS", 0.2)
    error = refusal(url_of(store_database.options(), **options), tmp_path)
    assert message in error.message
    assert error.message.startswith("the store postgresql://")


def test_a_wrong_password_is_not_shown(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server(password="the right one")
    options = {**server.options(), "host": "127.0.0.1"}
    error = refusal(url_of(options, password="hunter2"), tmp_path)
    assert "password authentication failed" in error.message
    with open_store(url_of(options, password="the right one"), tmp_path) as store:
        assert store.claim(make_claim("a"))


def test_a_database_that_cannot_hold_every_text_is_refused(tmp_path: Path, server: Servers) -> None:
    server.run(sql.SQL("create database latin encoding 'LATIN1' locale 'C' template template0"))
    try:
        error = refusal(url_of({**_options(server), "dbname": "latin"}), tmp_path)
        assert "a database in LATIN1" in error.message
    finally:
        server.run(sql.SQL("drop database latin with (force)"))


def _options(server: Servers) -> dict[str, str]:
    return Database(name="postgres", base=server.dsn, major=server.major).options()


def test_a_store_that_another_process_holds_is_a_sentence(
    tmp_path: Path, store_database: Database, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_SERVER", session._SERVER.replace("'15s'", "'100ms'"))
    with (
        open_store(shared_url, tmp_path) as store,
        store_database.session(f"select pg_advisory_lock({WRITE_KEY})"),
    ):
        with pytest.raises(StoreError, match="kept busy by another process") as caught:
            store.tick("t", T0)
        assert "pg_stat_activity" in caught.value.hint
        assert store.runs() == (), "reading does not wait for a writer"


def test_a_text_with_a_zero_character_is_kept_without_it(tmp_path: Path, shared_url: str) -> None:
    with open_store(shared_url, tmp_path) as store:
        store.claim(make_claim("a"))
        result = make_result("a")
        result = result.with_outcome(replace(result.outcome, summary="a\0b"))
        store.record([Recorded(result=result)], report=None, deliveries=[], now=T0)
        assert store.runs()[0].summary == "a\ufffdb"


CLAIM = """
import sys
from pathlib import Path
from runner.store.open import open_store
from tests.store.make import hours, make_claim
name, url, home = sys.argv[1], sys.argv[2], Path(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with open_store(url, home) as store:
    for slot in range(200):
        if store.claim(make_claim(f"{name}-{slot}", hours(slot))):
            print(slot)
"""


def test_hosts_make_a_store_together_and_win_each_slot_once(tmp_path: Path, shared_url: str) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, name, shared_url, str(tmp_path / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    claimed = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert Counter(slot for slots in claimed for slot in slots) == Counter(map(str, range(200)))
    with open_store(shared_url, tmp_path) as store:
        assert len(store.running()) == 200
        assert store.cursors()["j", "t"].slot == hours(199)
