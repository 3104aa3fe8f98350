"""A writing transaction that is committed once, whatever becomes of the connection or the server meanwhile.

A connection that is lost during COMMIT leaves open whether it took effect. Every writing transaction therefore
leaves its writer's name and number in `writers`. All of them wait for one lock, which the server lets go when a
transaction is over and visible: whoever holds it and finds the number knows that it was committed, and whoever
does not find it knows that it never will be. The server's own answer (`pg_xact_status`) is not enough: after a crash
it gives the number of a transaction that did not reach the disk to another one.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final, Generic, TypeVar
from uuid import uuid4

from runner.store.database import Database
from runner.store.postgres.session import Connection, transaction

T = TypeVar("T")


def advisory_key(name: str) -> int:
    """A number of 64 bits, with sign, for an advisory lock of the store."""
    return int.from_bytes(sha256(f"runner store\0{name}".encode()).digest()[:8], "big", signed=True)


WRITE_KEY: Final = advisory_key("write")
BEGIN_WRITE: Final = f"begin isolation level read committed; select pg_advisory_xact_lock({WRITE_KEY})"
_SIGN: Final = """
    insert into writers (writer, number, at) values (?, ?, now())
    on conflict (writer) do update set number = excluded.number, at = excluded.at
    where writers.number < excluded.number
"""
_FORGET: Final = "delete from writers where at < now() - interval '1 day'"


class Writer:
    """One process's writing transactions, by number."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._number = 0

    def next(self, work: Callable[[Database], T]) -> Writing[T]:
        self._number += 1
        return Writing(self._name, self._number, work)


class Writing(Generic[T]):
    """One transaction; it can be attempted until it is committed."""

    def __init__(self, writer: str, number: int, work: Callable[[Database], T]) -> None:
        self._writer = writer
        self._number = number
        self._work = work
        self._results: list[T] = []

    def attempt(self, connection: Connection) -> T:
        """Commits the work; when an earlier attempt was committed already, returns what that one returned."""
        with transaction(connection, BEGIN_WRITE) as db:
            if db.execute(_SIGN, (self._writer, self._number)).rowcount:
                self._results.append(self._work(db))
            if self._number == 1:
                db.execute(_FORGET)
        return self._results[-1]
