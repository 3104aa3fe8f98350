"""The locks that a process holds while it runs jobs and while it delivers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from runner.errors import StoreError
from runner.model.home import Home
from runner.store.base import Store
from runner.store.ticklock import TickLock

DELIVERING = "deliveries"


def hold(home: Home, store: Store, name: str) -> AbstractContextManager[object]:
    """The lock of that name; without a durable store there is nobody to tell that we are alive."""
    try:
        return TickLock(home.state_dir, name)
    except StoreError:
        if store.durable:
            raise
        return nullcontext()
