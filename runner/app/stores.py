"""Opens the home's store, or a store in memory and the fault that says why."""

from __future__ import annotations

from runner.api import Fault
from runner.errors import StoreError
from runner.model.home import Home
from runner.store.base import Store
from runner.store.memory import WithoutStore
from runner.store.open import open_store


def open_or_spare(home: Home) -> tuple[Store, tuple[Fault, ...]]:
    """Checks must run although history cannot be kept."""
    try:
        return open_store(home.settings.state, home.path), ()
    except StoreError as error:
        return WithoutStore(), (Fault(where="store", message=error.message, hint=error.hint),)
