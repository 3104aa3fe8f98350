"""Where runs are claimed and recorded: the home's store, or a store in memory and the fault that says why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from runner.api import Fault
from runner.errors import StoreError
from runner.model.home import Home
from runner.store.base import Store
from runner.store.memory import WithoutStore
from runner.store.open import open_store

T = TypeVar("T")


def claim_in(
    home: Home, stack: ExitStack, tick: str, claim: Callable[[Store], T]
) -> tuple[Store, tuple[Fault, ...], T]:
    """Opens the store, takes the tick's lock and claims. Where one of them fails, in memory: checks run all the same.

    Store and lock are held until the stack ends. Nothing has been run when this returns.
    """
    try:
        store: Store = stack.enter_context(open_store(home.settings.state, home.path))
        stack.enter_context(store.hold(tick))
        return store, (), claim(store)
    except StoreError as error:
        spare = stack.enter_context(WithoutStore())
        return spare, (Fault(where="store", message=error.message, hint=error.hint),), claim(spare)
