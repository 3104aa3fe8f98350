"""The conformance suite runs against every kind of store that is listed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.store.base import Store
from runner.store.memory import WithoutStore
from runner.store.open import open_store
from tests.postgres import Database, Servers
from tests.store.shared import url_of


@pytest.fixture(params=["sqlite", "without", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    urls = {"sqlite": lambda: "sqlite:.runner/state.db", "postgres": lambda: request.getfixturevalue("shared_url")}
    opened: Store = open_store(urls[request.param](), tmp_path) if request.param in urls else WithoutStore()
    with opened:
        yield opened


@pytest.fixture(scope="session")
def _store_database(server: Servers) -> Iterator[Database]:
    with server.fresh_database() as database:
        yield database


@pytest.fixture
def store_database(_store_database: Database) -> Iterator[Database]:
    """A database without a store."""
    yield _store_database
    _store_database.execute("drop schema if exists runner cascade")


@pytest.fixture
def shared_url(store_database: Database) -> str:
    """What `state:` says for a store that is not made yet."""
    return url_of(store_database.options())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of `open_store("sqlite:.runner/state.db", tmp_path)` is."""
    return tmp_path / ".runner" / "state.db"
