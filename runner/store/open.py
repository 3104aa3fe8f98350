"""From the text of `state:` to a store."""

from __future__ import annotations

from pathlib import Path

from runner.errors import StoreError
from runner.store.base import Store

_HINT = "write `state: sqlite:.runner/state.db`, a file relative to the home"


def open_store(url: str, home: Path) -> Store:
    """Opens the store that `url` names, and makes it when it is missing. Raises StoreError."""
    path = store_path(url, home)
    from runner.store.sqlite import SqliteEngine
    from runner.store.sqlstore import SqlStore

    return SqlStore(SqliteEngine(path))


def store_path(url: str, home: Path) -> Path:
    """The file that `sqlite:PATH` names, relative to the home. Raises StoreError for other schemes."""
    scheme, colon, rest = url.partition(":")
    # Only the scheme is shown: what follows it can hold a password.
    if not colon or scheme != "sqlite":
        shown = f"`{scheme}:` is not" if colon else "`state:` does not name"
        raise StoreError(f"{shown} a scheme for a store; the only one is `sqlite:`", hint=_HINT)
    rest = rest.removeprefix("//") if rest.startswith("///") else rest
    if not rest or rest.startswith("//") or rest.endswith("/") or "\x00" in rest:
        raise StoreError("`state:` names no file after `sqlite:`", hint=_HINT)
    return home.absolute() / rest
