"""A server of our own for the catalogue's tests, because most faults are seen in the whole of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.frame import CONNECTIONS, run_in
from tests.postgres import SETTINGS, Database, Servers
from tests.shipped.support import database_of

# What `runner doctor` asks to be granted to the role of the checks, and a role that was granted nothing.
ROLES = ("create role minimal login", "grant pg_monitor to minimal", "create role nobody login")


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("patient")
    folder.chmod(0o755)
    settings = {
        **SETTINGS,
        "max_connections": str(CONNECTIONS),
        "track_activities": "on",
        "max_prepared_transactions": "5",
    }
    started = Server.start(folder / "pg", settings, version=server.version, programs=server.programs)
    with psycopg.connect(started.dsn(), autocommit=True) as connection:
        for statement in ROLES:
            connection.execute(statement)
    yield started
    started.remove()


@pytest.fixture
def database(patient: Server) -> Iterator[Database]:
    """An empty database `ward`, dropped afterwards."""
    run_in(patient, "create database ward")
    yield database_of(patient, "ward")
    run_in(patient, "drop database ward with (force)")
