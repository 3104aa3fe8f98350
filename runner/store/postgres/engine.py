"""PostgreSQL as the engine of a store that several hosts share: connections are mended, transactions repeated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Final

import psycopg
from psycopg import errors

from runner.collector import many_objects
from runner.errors import StoreError
from runner.store import processlock
from runner.store.address import Address
from runner.store.database import Database
from runner.store.engine import P, T
from runner.store.postgres import locks
from runner.store.postgres.patience import Patience
from runner.store.postgres.sentences import STARTING, can_be_repeated, explained, may_pass, unreachable
from runner.store.postgres.session import Connection, connect, transaction
from runner.store.postgres.tables import prepare
from runner.store.postgres.writing import Writer

RETRY_SECONDS: Final = 15.0
"""How long a lost connection is tried to be mended: a server that is restarted is back by then."""
_OPEN_SECONDS: Final = 3.0
"""The same for a server that refuses the first connection, where checks wait for it."""


class PostgresEngine:
    """One session for all transactions, behind one lock; locks have sessions of their own."""

    def __init__(self, address: Address, state_dir: Path) -> None:
        """Connects and makes the tables when they are missing; raises StoreError."""
        self._address = address
        self._state_dir = state_dir
        self._lock = threading.RLock()
        self._writer = Writer()
        self._lost_at: float | None = None
        self._is_given_up = False
        self._is_closed = False
        self._connection: Connection | None = None
        try:
            self._repeated(partial(prepare, address=address), Patience(_OPEN_SECONDS))
        except BaseException:
            self.close()
            raise

    @property
    def durable(self) -> bool:
        return True

    def read(self, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        def once(connection: Connection) -> T:
            with transaction(connection) as db:
                return work(db, *args, **named)

        return self._repeated(once)

    def write(self, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        with self._lock:
            return self._repeated(self._writer.next(lambda db: work(db, *args, **named)).attempt)

    def hold(self, name: str) -> AbstractContextManager[object]:
        return self._held(name)

    def is_held(self, name: str) -> bool:
        # On one host ticks see each other also while the server is away.
        if processlock.is_held(self._state_dir, name) or self._lost_lately():
            return True
        sight = self.read(locks.look, name)
        if not sight.held and not sight.known:
            self.write(locks.note_server)
        return sight.held or not sight.known or sight.age < locks.GRACE_SECONDS

    def tidy(self) -> None:
        processlock.remove_dead(self._state_dir)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._connection is not None:
                self._connection.close()

    @contextmanager
    def _held(self, name: str) -> Iterator[None]:
        with processlock.ProcessLock(self._state_dir, name), self._session_lock(name):
            yield

    def _session_lock(self, name: str) -> locks.SessionLock:
        """Takes the lock on a new connection, again when that is lost while it waits."""
        patience = self._patience()
        while True:
            connection = self._opened(patience)
            try:
                return locks.SessionLock(name, connection, partial(connect, self._address))
            except psycopg.Error as error:
                if isinstance(error, psycopg.OperationalError) and patience.lasts():
                    continue
                raise explained(error, self._address) from error

    def _patience(self) -> Patience:
        """A server that was waited for in vain is not waited for again in each of a tick's many calls."""
        return Patience(0.0 if self._is_given_up else RETRY_SECONDS)

    def _lost_lately(self) -> bool:
        """Whether this process lost its own connection: others' locks may be gone with theirs."""
        return self._lost_at is not None and time.monotonic() - self._lost_at < locks.GRACE_SECONDS

    def _repeated(self, once: Callable[[Connection], T], first: Patience | None = None) -> T:
        """Calls `once` with the connection, again on a new one when it is lost."""
        with self._lock, many_objects():
            if self._is_closed:
                raise StoreError("the store is closed")
            patience = self._patience()
            while True:
                connection = self._connection
                if connection is None or connection.closed:
                    connection = self._connection = self._opened(first or patience)
                try:
                    return once(connection)
                except psycopg.Error as error:
                    self._mend(connection, error, patience)

    def _mend(self, connection: Connection, error: psycopg.Error, patience: Patience) -> None:
        """Waits a moment when it is worth while to try again. Raises StoreError."""
        repeatable = can_be_repeated(error, connection)
        if isinstance(error, errors.ReadOnlySqlTransaction):
            connection.close()
        if connection.closed:
            self._lost_at = time.monotonic()
        if not repeatable or not patience.lasts():
            raise explained(error, self._address) from error

    def _opened(self, patience: Patience) -> Connection:
        while True:
            try:
                connection = connect(self._address)
            except (psycopg.Error, OSError, ValueError) as error:
                failure: Any = error
                if STARTING.search(str(error)):
                    patience.lengthen(RETRY_SECONDS)
                if not may_pass(failure) or not patience.lasts():
                    self._is_given_up = True
                    raise unreachable(failure, self._address) from None
            else:
                self._is_given_up = False
                return connection
