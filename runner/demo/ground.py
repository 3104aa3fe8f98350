"""Fresh databases on a throw-away server, for tests of checks that run SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import psycopg

from runner.api import RunnerError, Target
from runner.demo.embedded import Server
from runner.model.target import DatabaseFilter

# What makes situations possible: nothing is cleaned up behind a test's back, slots and prepared transactions exist.
_SETTINGS = {"autovacuum": "off", "wal_level": "logical", "max_prepared_transactions": "10", "track_io_timing": "on"}


class ThrowAway:
    """Starts its server when the first database is asked for, and removes it at the end."""

    def __init__(self, *, version: int | None = None, programs: Path | None = None) -> None:
        self._version, self._programs = version, programs
        self._folder = TemporaryDirectory(prefix="runner-test-", ignore_cleanup_errors=True)
        self._server: Server | None = None
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.remove()
        self._folder.cleanup()

    @contextmanager
    def fresh(self) -> Iterator[Target]:
        """A new database and a target that visits nothing else; raises RunnerError when no server can be started."""
        server, name = self._started(), f"test_{next(self._numbers)}"
        with _connect(server) as connection:
            connection.execute(f"create database {name} template template0".encode())
        try:
            yield Target(name="test", options=server.options(name), databases=DatabaseFilter(include=(name,)))
        finally:
            self._drop(server, name)

    def _started(self) -> Server:
        if self._server is None:
            self._server = Server.start(
                Path(self._folder.name) / "server", _SETTINGS, version=self._version, programs=self._programs
            )
        return self._server

    @staticmethod
    def _drop(server: Server, name: str) -> None:
        """A slot would keep its database from being dropped."""
        with _connect(server) as connection:
            slots = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = %s"
            connection.execute(slots, (name,))
            connection.execute(f"drop database {name} with (force)".encode())


def _connect(server: Server) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(server.dsn(), autocommit=True)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise RunnerError(f"the throw-away server of the tests cannot be used: {reason}") from error
