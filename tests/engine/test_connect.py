"""Every way in which a server cannot be reached: one sentence, a hint, within its time, never the password."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from runner.config.dsn import parse_dsn
from runner.demo.embedded import SUPERUSER, Server as Embedded
from runner.engine.database.connect import connect
from runner.engine.database.server import Server
from runner.errors import TargetError
from runner.model.query import Query, QueryError, ServerFacts
from runner.model.secret import Secret
from runner.model.target import Target
from tests.conftest import SETTINGS

PASSWORD = "p@ss word/%:'\\#"
WRONG = "wr0ng-S3cret-%40"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, server: object) -> Iterator[Embedded]:
    """A server that asks for a password over TCP."""
    chosen = getattr(server, "version", None), getattr(server, "programs", None)
    folder = tmp_path_factory.mktemp("guarded")
    folder.chmod(0o755)
    started = Embedded.start(folder / "pg", SETTINGS, version=chosen[0], programs=chosen[1], password=PASSWORD)
    yield started
    started.remove()


def options_of(guarded: Embedded, **changes: str | Secret) -> dict[str, str | Secret]:
    return {
        "host": "127.0.0.1", "port": str(guarded.port), "dbname": "postgres", "user": SUPERUSER,
        "password": Secret(PASSWORD), "connect_timeout": "5", **changes,
    }  # fmt: skip


def refused(options: dict[str, str | Secret], database: str = "") -> TargetError:
    with pytest.raises(TargetError) as caught:
        connect(Target(name="main", options=options), database)
    return caught.value


def said(error: TargetError) -> str:
    return f"{error.message} {error.hint} {error!r} {error.__cause__!r}"


def test_the_right_password_opens(guarded: Embedded) -> None:
    server = Server(Target(name="main", options=options_of(guarded)))
    assert isinstance(server.facts, ServerFacts)
    server.close()


REFUSALS: dict[str, tuple[dict[str, str | Secret], str, str]] = {
    "wrong password": ({"password": Secret(WRONG)}, "password authentication failed", "DATABASE_PASSWORD"),
    "no password": ({"password": Secret("")}, "no password supplied", "DATABASE_PASSWORD"),
    "unknown database": ({"dbname": "nowhere"}, 'database "nowhere" does not exist', "DATABASE_NAME"),
    "unknown role": ({"user": "nobody_at_all", "host": "SOCKET"}, 'role "nobody_at_all" does not exist', "DATABASE_USER"),
    "unknown host": ({"host": "no-such-host.invalid"}, "could not translate host name", "DATABASE_HOST"),
    "refused": ({"port": "1"}, "refused", "DATABASE_PORT"),
    "refused by several": ({"host": "127.0.0.1,127.0.0.2", "port": "1,2"}, "1,2/postgres: Connection refused", "DATABASE_PORT"),
    "no socket": ({"host": "/nonexistent"}, "No such file", "DATABASE_HOST"),
    "not a port": ({"port": "fifty"}, 'value "fifty"', "DATABASE_PORT"),
    "port out of range": ({"port": "99999"}, 'number: "99999"', "DATABASE_PORT"),
    "no tls": ({"sslmode": "require"}, "does not support SSL", "sslmode"),
    "unknown service": ({"service": "nowhere"}, "nowhere", "service"),
    "bad options": ({"options": "-c no_such_setting=1"}, "no_such_setting", "options"),
    "bad sslmode": ({"sslmode": "sometimes"}, "sometimes", "sslmode"),
    "bad timeout": ({"connect_timeout": "soon"}, "soon", "connect_timeout"),
    "bad keyword": ({"hots": "x"}, "hots", "hots"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_clear_sentence(guarded: Embedded, name: str) -> None:
    changes, words, hint = REFUSALS[name]
    options = options_of(guarded, **changes)
    if options["host"] == "SOCKET":
        options["host"] = str(guarded.sockets)
    error = refused(options)
    assert words in error.message
    assert hint in error.hint
    assert "\n" not in error.message
    assert error.message.count("FATAL") == 0
    assert error.message.count(words) == 1
    assert error.message.startswith("cannot connect to ")
    for secret in (PASSWORD, WRONG):
        assert secret not in said(error)


def test_a_database_without_the_right_to_connect(guarded: Embedded) -> None:
    with psycopg.connect(guarded.dsn(), autocommit=True) as connection:
        connection.execute("create role visitor login")
        connection.execute("create database closed")
        connection.execute("revoke connect on database closed from public")
    error = refused(options_of(guarded, host=str(guarded.sockets), user="visitor"), "closed")
    assert "permission denied for database" in error.message
    assert "grant connect" in error.hint


def test_a_server_without_a_free_slot(guarded: Embedded) -> None:
    with psycopg.connect(guarded.dsn(), autocommit=True) as connection:
        connection.execute("create role narrow login connection limit 1")
        target = Target(name="main", options=options_of(guarded, host=str(guarded.sockets), user="narrow"))
        with connect(target):
            assert "too many connections" in refused(dict(target.options)).message


@pytest.mark.parametrize(
    "form",
    [
        lambda port, password: f"postgresql://{SUPERUSER}:{quote(password, safe='')}@127.0.0.1:{port}/postgres",
        lambda port, password: (
            f"postgres://127.0.0.1:{port}/postgres?user={SUPERUSER}&password={quote(password, safe='')}"
        ),
        lambda port, password: (
            f"host=127.0.0.1 port={port} dbname=postgres user={SUPERUSER} password={quoted(password)}"
        ),
    ],
)
@pytest.mark.parametrize("password", [WRONG, PASSWORD + "x"])
def test_no_form_of_a_dsn_shows_its_password(guarded: Embedded, form: Callable[[int, str], str], password: str) -> None:
    target = Target(name="main", options={**parse_dsn(form(guarded.port, password)), "connect_timeout": "5"})
    error = refused(dict(target.options))
    assert "password authentication failed" in error.message
    texts = [said(error), repr(target), str(target), target.address]
    for shown in (password, quote(password, safe=""), quoted(password)):
        assert all(shown not in text for text in texts)
    right = parse_dsn(form(guarded.port, PASSWORD))
    connect(Target(name="main", options=right)).close()


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_server_that_never_answers_is_given_up(silent: int) -> None:
    begun = time.monotonic()
    error = refused({"host": "127.0.0.1", "port": str(silent), "connect_timeout": "2", "password": Secret(WRONG)})
    assert time.monotonic() - begun < 10
    assert "time" in error.message
    assert "network" in error.hint
    assert WRONG not in said(error)


def test_a_port_that_speaks_another_protocol() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            for _ in range(3):
                try:
                    accepted, _address = listener.accept()
                except OSError:
                    return
                with accepted:
                    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        error = refused({"host": "127.0.0.1", "port": str(listener.getsockname()[1]), "connect_timeout": "3"})
    assert error.message.startswith("cannot connect to 127.0.0.1:")
    assert error.hint


def test_a_stopped_server_comes_back(own_server: Callable[..., Embedded], tmp_path: Path) -> None:
    embedded = own_server()
    target = Target(name="main", options={**embedded.options(), "connect_timeout": "5"})
    server = Server(target)
    assert isinstance(server.facts, ServerFacts)
    embedded.stop()
    (lost,) = server.answer([Query(sql="select 1")])
    (still,) = server.answer([Query(sql="select 1")])
    assert isinstance(lost, QueryError)
    assert isinstance(still, QueryError)
    assert "cannot connect" in still.message
    assert still.hint
    embedded.resume()
    (back,) = server.answer([Query(sql="select 1")])
    assert not isinstance(back, QueryError)
    server.close()
    assert isinstance(Server(replace(target, options={**target.options, "dbname": "gone"})).facts, TargetError)
