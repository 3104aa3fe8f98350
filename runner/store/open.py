"""From the text of `state:` to a store."""

from __future__ import annotations

from pathlib import Path

from runner.errors import StoreError
from runner.model.secret import Secret
from runner.model.target import Target
from runner.store.address import is_postgres, places, read_address
from runner.store.base import Store

_HINT = (
    "write `state: sqlite:.runner/state.db`, a file relative to the home, or `state: postgresql://USER@HOST/DATABASE`"
)


def open_store(url: str, home: Path) -> Store:
    """Opens the store that `url` names, and makes it when it is missing. Raises StoreError."""
    from runner.store.sqlstore import SqlStore

    if is_postgres(url):
        address = read_address(url)
        from runner.store.postgres.engine import PostgresEngine

        return SqlStore(PostgresEngine(address, home.absolute() / ".runner"))
    path = store_path(url, home)
    from runner.store.sqlite import SqliteEngine

    return SqlStore(SqliteEngine(path))


def check_url(url: str, home: Path) -> tuple[Secret, ...]:
    """The secrets in the URL of a store that can be read, without opening it. Raises StoreError."""
    if is_postgres(url):
        return read_address(url).secrets
    store_path(url, home)
    return ()


def shown_url(url: str) -> str:
    """The URL for people: never a password."""
    return str(read_address(url)) if is_postgres(url) else url


def same_database(url: str, target: Target) -> bool:
    """Whether the store is in the very database that the target connects to, as far as their addresses tell."""
    if not is_postgres(url):
        return False
    return bool(places(read_address(url).options) & places(target.options))


def store_path(url: str, home: Path) -> Path:
    """The file that `sqlite:PATH` names, relative to the home. Raises StoreError for other schemes."""
    scheme, colon, rest = url.partition(":")
    # Only the scheme is shown: what follows it can hold a password.
    if not colon or scheme != "sqlite":
        shown = f"`{scheme}:` is not" if colon else "`state:` does not name"
        raise StoreError(f"{shown} a scheme for a store; there are `sqlite:` and `postgresql:`", hint=_HINT)
    rest = rest.removeprefix("//") if rest.startswith("///") else rest
    if not rest or rest.startswith("//") or rest.endswith("/") or "\x00" in rest:
        raise StoreError("`state:` names no file after `sqlite:`", hint=_HINT)
    return home.absolute() / rest
