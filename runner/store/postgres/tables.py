"""Makes the schema `runner` and its tables, brings older ones up to date, and refuses what is not ours."""

from __future__ import annotations

from typing import Any, Final

from psycopg import errors

from runner.errors import StoreError
from runner.store.address import Address
from runner.store.postgres.locks import note_first_server
from runner.store.postgres.sentences import grant
from runner.store.postgres.session import SCHEMA, Connection, PostgresDatabase, transaction
from runner.store.postgres.writing import BEGIN_WRITE
from runner.store.schema import VERSION, bring_up_to_date

OLDEST: Final = 14
_FOUND: Final = f"""
    select to_regnamespace('{SCHEMA}') is not null, to_regclass('{SCHEMA}.facts') is not null,
        exists (select from pg_class where relnamespace = to_regnamespace('{SCHEMA}')),
        current_setting('server_encoding')
"""  # noqa: S608
# Who wrote what last, so that a commit whose answer was lost can be asked about.
_WRITERS: Final = "create table writers (writer text primary key, number bigint not null, at timestamptz not null)"
_MARK: Final = "store"
_OURS: Final = "runner"


def prepare(connection: Connection, address: Address) -> None:
    """Makes or updates the tables unless they are as they should be. Raises StoreError and psycopg.Error."""
    if connection.info.server_version < OLDEST * 10000:
        raise StoreError(
            f"the store {address} is on PostgreSQL {connection.info.server_version // 10000}, which is too old",
            hint=f"PostgreSQL {OLDEST} or newer can hold the store",
        )
    version = _version(connection, address)
    if version < VERSION:
        try:
            with transaction(connection, BEGIN_WRITE) as db:
                version = _migrated(connection, db, address)
        except errors.InsufficientPrivilege as error:
            raise StoreError(
                f"the store {address} cannot be made: {error.diag.message_primary}",
                hint=grant(address, connection.info.user),
            ) from None
    if version > VERSION:
        raise StoreError(
            f"the store {address} was written by a newer runner (version {version}, this one knows {VERSION})",
            hint="update runner, or give `state:` in runner.yaml another database",
        )


def _migrated(connection: Connection, db: PostgresDatabase, address: Address) -> int:
    """The version once the tables are up to date; another process may have been quicker."""
    version = _version(connection, address)
    if version >= VERSION:
        return version
    if not version:
        if not _one(connection, _FOUND)[0]:
            db.execute(f"create schema {SCHEMA}")
        db.execute(_WRITERS)
    bring_up_to_date(db, version)
    if not version:
        note_first_server(db)
    db.executemany(
        "insert into facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value",
        [(_MARK, _OURS), ("version", str(VERSION))],
    )
    return VERSION


def _version(connection: Connection, address: Address) -> int:
    """The version of the tables; 0 when there is no schema yet, or an empty one that was made for us."""
    _, has_facts, has_tables, encoding = _one(connection, _FOUND)
    if encoding != "UTF8":
        raise StoreError(
            f"the store {address} is a database in {encoding}, which cannot hold every text",
            hint="as a superuser: create database NAME owner ROLE encoding 'UTF8' template template0",
        )
    if not has_tables:
        return 0
    facts = _facts(connection) if has_facts else {}
    if facts.get(_MARK) != _OURS or not facts.get("version", "").isdigit():
        raise StoreError(
            f"the schema {SCHEMA} of {address} belongs to another program",
            hint="give `state:` in runner.yaml a database of its own",
        )
    return int(facts["version"])


def _facts(connection: Connection) -> dict[str, str]:
    try:
        return dict(connection.execute(f"select name, value from {SCHEMA}.facts").fetchall())  # noqa: S608
    except (errors.UndefinedColumn, errors.WrongObjectType):
        return {}


def _one(connection: Connection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise AssertionError("a select without `from` has one row")
    return row
