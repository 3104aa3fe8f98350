"""The demonstration's database: three tables of an application, its migrations, and two roles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import psycopg

from runner.demo.embedded import Server
from runner.errors import RunnerError

DATABASE = "attention_oracle"
OWNER = "oracle"
ROLE = "runner"
DEAD_ROWS = 150_000
_EPOCHS = 200_000
_MIGRATIONS = 12
_SECONDS_TO_WAIT = 20.0

ROLES = (f"create role {OWNER} login", f"create role {ROLE} login", f"create database {DATABASE} owner {OWNER}")
TABLES = (
    "create table channels (id int primary key, name text not null, followers int not null default 0)",
    "create table epochs (id int primary key, channel_id int not null, root text not null, sealed bool not null)",
    "create table proofs (id int primary key, epoch_id int not null, leaf text not null)",
    "create table schema_migrations (version text primary key, applied_at timestamptz not null default now())",
    "insert into channels select n, 'channel ' || n from generate_series(1, 500) n",
    f"insert into epochs select n, n % 500 + 1, md5(n::text), false from generate_series(1, {_EPOCHS}) n",
    "insert into proofs select n, n, md5('leaf ' || n) from generate_series(1, 20000) n",
    f"insert into schema_migrations select to_char(n, 'FM000') from generate_series(1, {_MIGRATIONS}) n",
)
GROWTH = (f"insert into proofs select n, n, repeat(md5(n::text), 4) from generate_series(20001, {_EPOCHS}) n",)


def connect(server: Server, user: str, *, name: str = "psql", database: str = DATABASE) -> psycopg.Connection[Any]:
    """A session in autocommit, for the caller to close. Raises RunnerError."""
    try:
        return psycopg.connect(server.dsn(database, user), application_name=name, autocommit=True)
    except psycopg.Error as error:
        raise RunnerError(f"the demonstration's server cannot be reached: {error}") from error


def execute(server: Server, user: str, statements: Iterable[str], *, database: str = DATABASE) -> None:
    """Runs them one by one; the session ends, so that the server's counters know of them. Raises RunnerError."""
    with closing(connect(server, user, database=database)) as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                raise RunnerError(f"the demonstration's database cannot be made: {error}") from error


def create(server: Server) -> None:
    """The roles (which may log in, and nothing else), the database and its tables."""
    execute(server, "postgres", ROLES, database="postgres")
    execute(server, OWNER, TABLES)


def grants(server: Server) -> tuple[str, ...]:
    """What `runner doctor` advises: to see everything, to read the migrations, and to vacuum."""
    maintenance = "pg_maintain" if server.major >= 17 else OWNER
    return (
        f"grant pg_monitor to {ROLE}",
        f"grant select on schema_migrations to {ROLE}",
        f"grant {maintenance} to {ROLE}",
    )


def wait_until(server: Server, condition: str, what: str) -> None:
    """Asks again until the condition (SQL) is true: counters and waits take a moment. Raises RunnerError."""

    def holds(connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute(f"select {condition}".encode()).fetchone()
        return bool(row and row[0])

    with closing(connect(server, "postgres")) as connection:
        _patiently(lambda: holds(connection), what)


def _patiently(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS_TO_WAIT
    while not look():
        if time.monotonic() > deadline:
            raise RunnerError(
                f"the server did not show {what} within {_SECONDS_TO_WAIT:.0f} s",
                hint="the machine may be very busy: try again",
            )
        time.sleep(0.05)
