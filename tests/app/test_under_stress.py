"""Ticks that meet what hangs: the others are not held up, and the report says what could not be looked at."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from runner.api import State
from tests.app.homes import TempHome, states
from tests.postgres import Database

CONNECT_TIMEOUT = 2
SILENT, CLOSED, ALIVE = 6, 6, 28
CHECK = "schedule: hourly\ncheck: {name}\nsql: select 1 as n\nwarning: n > 1\n"


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def closed() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def home_of(path: Path, targets: dict[str, dict[str, str]], files: dict[str, str], **settings: object) -> TempHome:
    home = TempHome.make(path, {}, files)
    (path / "runner.yaml").write_text(
        json.dumps(
            {
                "version": 1,
                "targets": targets,
                "sinks": {"log": {"type": "log_file", "path": str(home.log), "format": "json_lines"}},
                **settings,
            }
        )
    )
    home.start()
    return home


def test_servers_that_are_down_hold_nobody_up(tmp_path: Path, shared: Database, silent: int, closed: int) -> None:
    away = {"host": "127.0.0.1", "user": "x", "dbname": "x", "connect_timeout": str(CONNECT_TIMEOUT)}
    targets = {
        **{f"silent-{number}": {**away, "port": str(silent)} for number in range(SILENT)},
        **{f"closed-{number}": {**away, "port": str(closed)} for number in range(CLOSED)},
        **{f"alive-{number}": shared.options() for number in range(ALIVE)},
    }
    home = home_of(tmp_path / "home", targets, {"one.yaml": CHECK.format(name="one")}, connections=2)
    began = time.monotonic()
    (report,) = home.tick().ran.reports
    took = time.monotonic() - began
    found = {result.target: result for result in report.results}
    assert {name: result.state for name, result in found.items()} == {
        name: State.OK if name.startswith("alive") else State.UNKNOWN for name in targets
    }
    assert "time" in found["silent-0"].outcome.findings[0].message
    assert "refused" in found["closed-0"].outcome.findings[0].message
    assert took < SILENT * CONNECT_TIMEOUT / 2, "the silent ones waited side by side"


def test_what_hangs_on_the_server_ends_at_its_timeout(tmp_path: Path, shared: Database) -> None:
    limit = "statement_timeout: 400ms\n"
    files = {
        "sleeps.yaml": CHECK.format(name="sleeps").replace("select 1", "select count(pg_sleep(60))") + limit,
        "waits.yaml": CHECK.format(name="waits").replace("select 1", "select count(*)::int") + limit,
        "fine.yaml": CHECK.format(name="fine"),
    }
    files["waits.yaml"] = files["waits.yaml"].replace(" as n", " as n from held")
    home = home_of(tmp_path / "home", {"main": shared.options()}, files, defaults={"lock_timeout": "300ms"})
    shared.execute("create table held (a int)")
    with shared.session("begin", "lock table held in access exclusive mode"):
        began = time.monotonic()
        done = home.tick()
    assert time.monotonic() - began < 10
    assert states(done) == {"fine": "ok", "sleeps": "unknown", "waits": "unknown"}
    said = {result.job: result.outcome.findings[0].message for report in done.ran.reports for result in report.results
            if result.outcome.findings}  # fmt: skip
    assert "statement_timeout" in said["sleeps"]
    assert "lock" in said["waits"]


def test_a_server_that_falls_silent_is_asked_for_no_further_database(tmp_path: Path, shared: Database) -> None:
    """The first connection works, all later ones are accepted and get no word."""
    names = [f"{shared.name}_{number}" for number in range(8)]
    for name in names:
        shared.execute(f"create database {name} template template0")
    try:
        with ExitStack() as stack:
            port = stack.enter_context(closing(_FallsSilent(shared))).port
            target = {
                **shared.options(),
                "host": "127.0.0.1",
                "port": str(port),
                "connect_timeout": str(CONNECT_TIMEOUT),
                "databases": {"include": [f"{shared.name}_*"]},
            }
            check = CHECK.format(name="one") + "for_each: database\n"
            home = home_of(tmp_path / "home", {"main": target}, {"one.yaml": check}, connections=2)
            began = time.monotonic()
            done = home.tick()
            took = time.monotonic() - began
    finally:
        for name in names:
            shared.execute(f"drop database {name} with (force)")
    assert states(done) == {"one": "unknown"}
    (result,) = done.ran.reports[0].results
    assert {finding.series.database for finding in result.outcome.findings} == set(names)
    assert took < len(names) * CONNECT_TIMEOUT / 2, "the server was asked again and again"


class _FallsSilent:
    """A proxy to the database's server that serves one connection."""

    def __init__(self, database: Database) -> None:
        options = database.options()
        self._place = f"{options['host']}/.s.PGSQL.{options.get('port', '5432')}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._open):
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._open:
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._place)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()
                self._open.append(server)
            self._open.append(client)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return
