"""Locks that last as long as a process lives, seen by everybody who uses the store."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self

import psycopg

from runner.store.database import Database
from runner.store.postgres.session import Connection
from runner.store.postgres.writing import advisory_key

GRACE_SECONDS: Final = 60.0
"""So long after the store's server was started or replaced, a lock that nobody holds counts as held.

All session locks are gone then although their owners may live, cut off or still taking them again.
"""
_HEAD_START: Final = 3.0
"""Seconds after the start of the server in which a lock is left to those who held it before."""
_LOOK_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.2

_WAIT: Final = "set lock_timeout = 0; set statement_timeout = 0; select pg_advisory_lock({key})"
_TRY: Final = "select pg_try_advisory_lock({key})"
_AGE: Final = "select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8"
_SEEN: Final = """
    select exists (
        select from pg_locks where locktype = 'advisory' and granted and objsubid = 1 and classid = ?1::oid and objid = ?2::oid
            and database = (select oid from pg_database where datname = current_database())
    ),
    extract(epoch from pg_postmaster_start_time())::text, extract(epoch from clock_timestamp())::float8,
    (select value from facts where name = 'server')
"""


def lock_key(name: str) -> int:
    return advisory_key(f"held\0{name}")


class SessionLock:
    """An advisory lock on a connection of its own, which a thread watches: after a loss it is taken again at once."""

    def __init__(self, name: str, connection: Connection, connect: Callable[[], Connection]) -> None:
        """Takes the lock on the connection, waiting for a holder; raises psycopg.Error, and then closes it."""
        self._key = lock_key(name)
        self._connect = connect
        self._stop, self._asked = socket.socketpair()
        self._connection = connection
        try:
            _take(connection, self._key)
        except BaseException:
            self._leave()
            raise
        self._thread = threading.Thread(target=self._watch, name=f"lock {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Lets go; idempotent. A thread that waits for a server that does not answer lets go when it ends."""
        with suppress(OSError):
            self._stop.send(b"x")
        self._thread.join(2.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _watch(self) -> None:
        held = True
        try:
            while not self._is_stopped(_LOOK_SECONDS if held else _AGAIN_SECONDS):
                with suppress(psycopg.Error, OSError):
                    held = False
                    held = self._still_holds()
        finally:
            self._leave()

    def _still_holds(self) -> bool:
        """Looks whether the connection lives; when it does not, tries to take the lock on a new one."""
        with suppress(psycopg.Error):
            self._connection.execute("select 1")
        if not self._connection.closed:
            return True
        fresh = self._connect()
        try:
            row = fresh.execute(_TRY.format(key=self._key)).fetchone()
            if row is not None and row[0]:
                self._connection, fresh = fresh, self._connection
                return True
            return False
        finally:
            fresh.close()

    def _is_stopped(self, seconds: float) -> bool:
        """Waits until it is stopped, or something happens on the connection, or the time is over."""
        watched = [self._asked.fileno(), *([] if self._connection.closed else [self._connection.fileno()])]
        ready, _, _ = select.select(watched, [], [], seconds)
        return watched[0] in ready

    def _leave(self) -> None:
        self._connection.close()
        self._stop.close()
        self._asked.close()


class Sight(NamedTuple):
    """What the server says about a lock."""

    held: bool
    known: bool
    """Whether this server, since this start, has been seen before."""
    age: float
    """Seconds since it was first seen."""


def look(db: Database, name: str) -> Sight:
    held, server, now, fact = db.execute(_SEEN, _halves(lock_key(name))).fetchone()
    seen, _, since = (fact or "").partition(" ")
    return Sight(held, seen == server, now - float(since or 0))


def note_server(db: Database) -> None:
    """Keeps when the server, as it was started last, was first seen."""
    _note(db, "extract(epoch from clock_timestamp())")


def note_first_server(db: Database) -> None:
    """The same for a new store, which no lock can have been lost from."""
    _note(db, "0")


def _note(db: Database, since: str) -> None:
    db.execute(
        "insert into facts (name, value)"  # noqa: S608
        f" values ('server', extract(epoch from pg_postmaster_start_time())::text || ' ' || {since})"
        " on conflict (name) do update set value = excluded.value"
    )


def _take(connection: Connection, key: int) -> None:
    row = connection.execute(_AGE).fetchone()
    if row is not None and row[0] < _HEAD_START:
        time.sleep(_HEAD_START - max(row[0], 0.0))
    connection.execute(_WAIT.format(key=key))


def _halves(key: int) -> tuple[int, int]:
    """The two halves in which `pg_locks` shows an advisory lock."""
    unsigned = key & (1 << 64) - 1
    return unsigned >> 32, unsigned & (1 << 32) - 1
