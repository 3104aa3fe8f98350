"""A PostgreSQL server of its own for the tests of the queue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import Database, Servers


@pytest.fixture(scope="session")
def server() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture
def database(server: Servers) -> Iterator[Database]:
    with server.fresh_database() as database:
        yield database
