"""The servers of the tests themselves: found, started, stopped, and reached as whom it should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from runner.demo import embedded
from runner.demo.binaries import choose, installations
from runner.demo.embedded import Server
from runner.errors import RunnerError
from tests.postgres import Database, Servers, eventually, fits

StartServer = Callable[..., Server]


def _one(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None


def test_a_server_keeps_its_data_over_a_restart_and_takes_new_settings(own_server: StartServer) -> None:
    server = own_server({"work_mem": "1MB"})
    _one(server.dsn(), "select set_config('search_path', '', false)")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create table kept (id int)")
    first = server.pid
    server.configure({"work_mem": "3MB"})
    server.restart()
    assert server.pid not in (None, first)
    assert _one(server.dsn(), "select current_setting('work_mem')") == "3MB"
    assert _one(server.dsn(), "select count(*) from kept") == 0


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_stop_ends_it_and_is_harmless_when_repeated(own_server: StartServer, mode: str) -> None:
    server = own_server()
    server.stop(mode)  # type: ignore[arg-type]
    assert server.pid is None
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.dsn())


def test_only_the_socket_is_open_without_a_password(own_server: StartServer) -> None:
    assert _one(own_server().dsn(), "select current_setting('listen_addresses')") == ""


def test_with_a_password_tcp_asks_for_it_and_the_socket_does_not(own_server: StartServer) -> None:
    server = own_server(password="it's right")
    assert _one(server.tcp_dsn(password="it's right"), "select 1") == 1
    assert _one(server.dsn(), "select 1") == 1
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.tcp_dsn(password="wrong"))
    assert "right" not in repr(server)


def test_a_standby_is_in_recovery(own_server: StartServer) -> None:
    server = own_server()
    server.stop()
    server.stand_by()
    server.resume()
    assert _one(server.dsn(), "select pg_is_in_recovery()") is True


def test_a_deep_folder_gets_a_short_socket_path(tmp_path: Path, own_server: StartServer) -> None:
    del own_server
    server = Server.start(tmp_path / ("deep" * 20))
    try:
        assert not server.sockets.is_relative_to(tmp_path)
        assert _one(server.dsn(), "select 1") == 1
    finally:
        server.remove()
    assert not server.sockets.exists()
    assert not server.data.exists()


def test_bad_settings_are_told_with_the_servers_own_words(own_server: StartServer) -> None:
    server = own_server()
    server.configure({"max_connections": "none"})
    with pytest.raises(RunnerError, match="max_connections"):
        server.restart()


def test_as_root_without_namespaces_it_runs_as_nobody(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if embedded.os.geteuid():
        pytest.skip("only root has to become somebody else")
    host = [item for item in installations() if item.origin == "host"]
    if not host:
        pytest.skip("the wheel's folder may be closed to the user nobody")
    tmp_path = tmp_path_factory.mktemp("open")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(0o755)
    monkeypatch.setattr(embedded, "_disguise", lambda: ())
    server = Server.start(tmp_path / "nobody", programs=host[0].folder)
    try:
        assert (server.data / "PG_VERSION").stat().st_uid == 65534
        assert _one(server.dsn(), "select 1") == 1
    finally:
        server.remove()


def test_what_is_not_there_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="no PostgreSQL 9 found on this host") as caught:
        choose(version=9)
    assert "pip install" in caught.value.hint
    with pytest.raises(RunnerError, match=f"found in {tmp_path}"):
        choose(folder=tmp_path)


def test_the_hosts_own_servers_come_first_and_newest_first() -> None:
    found = installations()
    assert found == sorted(found, key=lambda item: (item.origin != "host", [-part for part in item.version]))


def test_roles_have_the_rights_that_their_fixtures_promise(
    database: Database, minimal_role: str, owner_role: str
) -> None:
    database.execute("create table mine (id int)", user=owner_role)
    assert database.value("select pg_has_role('pg_monitor', 'member')", user=minimal_role) is True
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("select * from mine", user=minimal_role)


def test_eventually_fails_with_what_it_saw_last() -> None:
    with pytest.raises(AssertionError, match="last seen: 0"):
        eventually(lambda: 0, seconds=0.05)


@pytest.mark.parametrize(("condition", "fitting"), [(">=15", True), ("<15", False), ("==15", True), (">15", False)])
def test_versions_of_the_marker(condition: str, fitting: bool) -> None:
    assert fits(15, condition) is fitting


def test_the_header_names_the_version(server: Servers) -> None:
    assert str(server.major) in server.describe()
