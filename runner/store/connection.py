"""Opening the file: nothing that is not ours is touched, and every error is a sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from runner.errors import StoreError
from runner.store.dialect_sqlite import SQLITE
from runner.store.presence import be_present
from runner.store.schema import VERSION, bring_up_to_date

APPLICATION_ID: Final = 0x52554E52
"""`RUNR` in the file's header: tells our files from those of other programs."""
BUSY_SECONDS: Final = 15.0
MAGIC: Final = b"SQLite format 3\x00"
_JOURNAL_LIMIT: Final = 64 * 1024 * 1024


class SqliteDatabase(sqlite3.Connection):
    """A connection is a `Database` as it is; `presence` tells others that the file is in use."""

    dialect = SQLITE
    presence: int | None = None

    def close(self) -> None:
        super().close()
        if self.presence is not None:
            os.close(self.presence)
            self.presence = None

    def append(
        self, table: str, fixed: tuple[str, int], columns: Sequence[str], rows: Iterable[Sequence[Any]], /
    ) -> None:
        name, number = fixed
        marks = ", ".join("?" for _ in columns)
        self.executemany(
            f"insert into {table} ({name}, {', '.join(columns)}) values ({number}, {marks})",  # noqa: S608
            rows,
        )


def connect(path: Path) -> SqliteDatabase:
    """A connection to the file, which is made when it is missing; its tables are brought up to date."""
    with sentences(path):
        _prepare_file(path)
        presence = be_present(path, BUSY_SECONDS)
        try:
            connection = _open(str(path))
        except BaseException:
            os.close(presence)
            raise
        connection.presence = presence
        try:
            _bring_up_to_date(connection, path)
            _use_wal(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def connect_to_memory() -> SqliteDatabase:
    """The same tables in memory, gone when it is closed."""
    connection = _open(":memory:")
    with transaction(connection, "immediate"):
        _migrate(connection)
    return connection


@contextmanager
def transaction(connection: SqliteDatabase, kind: str) -> Iterator[SqliteDatabase]:
    """Commits what is done inside, or undoes it when an exception leaves the block."""
    connection.execute(f"begin {kind}")
    try:
        yield connection
        connection.execute("commit")
    except BaseException:
        # A full disk or an input/output error has rolled back by itself.
        if connection.in_transaction:
            connection.execute("rollback")
        raise


@contextmanager
def sentences(path: Path | None) -> Iterator[None]:
    """Turns errors of SQLite and of the file system into StoreErrors."""
    where = f"the store {path}" if path else "the store"
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(error, where, path) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(where) from error
        reason = error.strerror or str(error)
        raise StoreError(f"{where} cannot be opened: {reason}", hint=_folder_hint(path)) from error


def _open(name: str) -> SqliteDatabase:
    connection = sqlite3.connect(
        name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=SqliteDatabase
    )
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    return connection


def _prepare_file(path: Path) -> None:
    """Makes folder and file for the owner alone, or proves by its header that the file is ours."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        return
    if not header.startswith(MAGIC):
        raise StoreError(f"{path} is not an SQLite database, or it is damaged", hint=_damaged_hint())
    # The header is read as bytes because opening a foreign database could already change it.
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise of_another_program(path)


def of_another_program(path: Path) -> StoreError:
    return StoreError(
        f"{path} is the database of another program",
        hint="give `state:` in runner.yaml a file of its own, for example sqlite:.runner/state.db",
    )


def newer(path: Path, version: int) -> StoreError:
    return StoreError(
        f"the store {path} was written by a newer runner (version {version}, this one knows {VERSION})",
        hint="update runner, or give `state:` in runner.yaml another file",
    )


def _bring_up_to_date(connection: SqliteDatabase, path: Path) -> None:
    if _version_of(connection) < VERSION:
        with transaction(connection, "immediate"):
            _migrate(connection)
    version = _version_of(connection)
    if version > VERSION:
        raise newer(path, version)


def _version_of(connection: SqliteDatabase) -> int:
    """The version of the tables in the file; 0 for a new file."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def _migrate(connection: SqliteDatabase) -> None:
    version = _version_of(connection)
    # Another process may have been quicker.
    if version < VERSION:
        bring_up_to_date(connection, version)
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(f"pragma user_version = {VERSION}")


def _use_wal(connection: SqliteDatabase, path: Path) -> None:
    mode = connection.execute("pragma journal_mode").fetchone()[0]
    if mode != "wal":
        with _alone(path):
            mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"the store {path} is on a file system without shared memory",
            hint="keep the store on a local disk: network file systems lose what SQLite needs",
        )
    connection.execute(f"pragma journal_size_limit = {_JOURNAL_LIMIT}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time: SQLite does not wait for others when the journal mode changes."""
    lock = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _explained(error: sqlite3.Error, where: str, path: Path | None) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreError(
            f"{where} is kept busy by another process",
            hint="look for a runner that hangs, or another program that holds the file",
        )
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreError(f"{where} is damaged: {error}", hint=_damaged_hint())
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _has_no_room(path)):
        return _full(where)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return StoreError(f"{where} cannot be opened for writing: {error}", hint=_folder_hint(path))
    return StoreError(f"{where} cannot be used: {error}", hint="`runner doctor` looks at the store")


def _full(where: str) -> StoreError:
    return StoreError(
        f"{where} cannot be written: the disk is full", hint="free some space; what was recorded before is safe"
    )


def _has_no_room(path: Path | None) -> bool:
    """SQLite calls it an input/output error when it cannot make its shared memory for want of space."""
    try:
        return path is not None and os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def _damaged_hint() -> str:
    return "runner doctor --repair saves what can be read and keeps the old file aside"


def _folder_hint(path: Path | None) -> str:
    return f"the user that runs runner must be able to write to {path.parent if path else 'the folder of the store'}"
