"""What differs between the databases that a store can be in: transactions, locks, and how it is closed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from runner.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")


class Engine(Protocol):
    """Runs work in transactions; every error is a StoreError, and threads wait for each other."""

    @property
    def durable(self) -> bool: ...

    def read(self, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        """Calls `work` in a transaction that sees one state of the store; perhaps again when a connection was lost."""

    def write(self, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        """Calls `work` in a transaction that is the only writing one; what it did is committed once or not at all.

        It may be called again after a connection was lost, so what it is given is not used up by it.
        """

    def hold(self, name: str) -> AbstractContextManager[object]: ...

    def is_held(self, name: str) -> bool: ...

    def tidy(self) -> None:
        """Removes what dead processes left."""

    def close(self) -> None: ...
