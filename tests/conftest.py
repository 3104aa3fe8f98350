"""One PostgreSQL server per test process, one fresh database per test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from runner.errors import RunnerError
from tests.postgres import SETTINGS, Database, Servers, fits

_servers = pytest.StashKey[Servers]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("postgresql", "PostgreSQL for tests")
    group.addoption("--dsn", default=os.environ.get("RUNNER_TEST_DSN", ""), help="use this server (a superuser's DSN)")
    group.addoption("--pg-bin", type=Path, default=None, help="folder with initdb, pg_ctl and postgres to use")
    group.addoption("--pg-version", type=int, default=None, help="major version to choose among those found")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", 'pg(condition): needs a server of that major version, for example pg(">=15")')
    config.addinivalue_line("markers", "quick: states of a server that a second major version is tried with as well")
    config.stash[_servers] = Servers(
        given_dsn=config.getoption("--dsn"),
        programs=config.getoption("--pg-bin"),
        version=config.getoption("--pg-version"),
    )


def pytest_report_header(config: pytest.Config) -> str:
    try:
        return f"PostgreSQL: {config.stash[_servers].describe()}"
    except RunnerError as error:
        return f"PostgreSQL: none ({error.message}; {error.hint})"


def pytest_unconfigure(config: pytest.Config) -> None:
    if servers := config.stash.get(_servers, None):
        servers.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("pg"):
        version, condition = item.config.stash[_servers].major, str(marker.args[0])
        if not fits(version, condition):
            pytest.skip(f"needs PostgreSQL {condition}, this is {version}")


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Servers:
    """The server of this process; `server.dsn` is a superuser's, `server.major` its version."""
    return pytestconfig.stash[_servers]


@pytest.fixture
def database(server: Servers) -> Iterator[Database]:
    """A fresh database, dropped after the test."""
    with server.fresh_database() as database:
        yield database


@pytest.fixture(scope="module")
def shared(server: Servers) -> Iterator[Database]:
    """One database for the tests that leave nothing behind which others could stumble over."""
    with server.fresh_database() as database:
        yield database


@pytest.fixture(scope="session")
def minimal_role(server: Servers) -> str:
    """A login role that has pg_monitor and nothing else."""
    return server.role("minimal", "pg_monitor")


@pytest.fixture(scope="session")
def _owner(server: Servers) -> str:
    return server.role("owner", "pg_monitor")


@pytest.fixture
def owner_role(_owner: str, database: Database) -> str:
    """A login role with pg_monitor that may create tables in the test's database, and owns what it makes."""
    database.execute(
        f"grant create, usage on schema public to {_owner}", f'grant create on database "{database.name}" to {_owner}'
    )
    return _owner


@pytest.fixture
def own_server(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that a test may stop, break or turn into standbys: `own_server({"fsync": "off"})`."""
    started: list[Server] = []
    chosen = pytestconfig.stash[_servers]

    def start(settings: Mapping[str, str] | None = None, **options: str) -> Server:
        folder = tmp_path / f"server{len(started)}"
        new = Server.start(
            folder, {**SETTINGS, **(settings or {})}, version=chosen.version, programs=chosen.programs, **options
        )
        started.append(new)
        return new

    yield start
    for each in started:
        each.remove()
