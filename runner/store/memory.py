"""A store for a tick that cannot open the real one: checks run without a past, and reports still go out."""

from __future__ import annotations

from runner.store.sqlite import SqliteEngine
from runner.store.sqlstore import SqlStore


class WithoutStore(SqlStore):
    """Keeps everything in memory for this process alone; every method does what the real store's does.

    It starts empty: no cursor is known, every slot can be claimed, every problem is new.
    """

    def __init__(self) -> None:
        super().__init__(SqliteEngine(None))
