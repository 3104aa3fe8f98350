"""SQLite as the engine of a store: one connection to one file, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Concatenate

from runner.collector import many_objects
from runner.errors import StoreError
from runner.store.connection import SqliteDatabase, connect, connect_to_memory, sentences, transaction
from runner.store.database import Database
from runner.store.engine import P, T
from runner.store.processlock import ProcessLock, is_held, remove_dead


class SqliteEngine:
    """The file is in WAL mode: readers and the one writer do not wait for each other."""

    def __init__(self, path: Path | None) -> None:
        """Opens or makes the file; without a path everything stays in memory."""
        self._path = path
        self._lock = threading.RLock()
        self._connection: SqliteDatabase | None = connect(path) if path else connect_to_memory()

    @property
    def durable(self) -> bool:
        return self._path is not None

    def read(self, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        with self._lock, sentences(self._path), many_objects(), transaction(self._open, "deferred") as db:
            return work(db, *args, **named)

    def write(self, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        with self._lock, sentences(self._path), many_objects(), transaction(self._open, "immediate") as db:
            return work(db, *args, **named)

    def hold(self, name: str) -> AbstractContextManager[object]:
        return ProcessLock(self._path.parent, name) if self._path else nullcontext()

    def is_held(self, name: str) -> bool:
        return self._path is not None and is_held(self._path.parent, name)

    def tidy(self) -> None:
        if self._path:
            remove_dead(self._path.parent)

    def close(self) -> None:
        with self._lock, sentences(self._path):
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def _open(self) -> SqliteDatabase:
        if self._connection is None:
            raise StoreError("the store is closed")
        return self._connection
