"""Poolers and schedulers: a real PgBouncer in front of the server, real jobs of pg_cron and pgAgent."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runner.demo import embedded
from runner.demo.embedded import Server
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import run_in
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import Use, database_of

ONCE = {"for": "1 run"}
PORT = "6432"


@dataclass
class Pooler:
    """A running PgBouncer with a socket in its folder, one server connection a pool, and room for ten clients."""

    folder: Path
    server: Server
    process: subprocess.Popen[bytes] | None = None
    clients: list[psycopg.Connection[Any]] = field(default_factory=list)

    def start(self) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            pytest.skip("pgbouncer is not installed here")
        settings = (
            f"[databases]\nward = host={self.server.sockets} port={self.server.port} dbname=postgres\n"
            f"[pgbouncer]\nlisten_port = {PORT}\nlisten_addr =\nunix_socket_dir = {self.folder}\nauth_type = trust\n"
            f"auth_file = {self.folder}/users\nadmin_users = boss\nstats_users = stats\npool_mode = transaction\n"
            "default_pool_size = 1\nmax_client_conn = 10\nlogfile =\n"
        )
        (self.folder / "users").write_text('"boss" ""\n"stats" ""\n"postgres" ""\n"minimal" ""\n')
        (self.folder / "pgbouncer.ini").write_text(settings)
        for place in (self.folder, *self.folder.iterdir()):
            embedded._give_away(place)
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*embedded._disguise(), program, str(self.folder / "pgbouncer.ini")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, user=65534 if embedded._must_become_nobody() else None,
            )  # fmt: skip
        eventually(self._answers, what=f"an answer of pgbouncer ({(self.folder / 'log').read_text()[-300:]})")

    def _answers(self) -> bool:
        try:
            self.console("show version", user="stats")
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, dbname: str, user: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), port=PORT, dbname=dbname, user=user, autocommit=True, prepare_threshold=None
        )

    def client(self) -> psycopg.Connection[Any]:
        self.clients.append(self.connect("ward", "postgres"))
        return self.clients[-1]

    def console(self, *statements: str, user: str = "boss") -> None:
        with self.connect("pgbouncer", user) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def leave(self) -> None:
        while self.clients:
            self.clients.pop().close()

    def stop(self) -> None:
        self.leave()
        if self.process:
            self.process.terminate()
            self.process.wait()

    def use(self, folder: Path, check: str, show: str, *, user: str = "stats", **values: object) -> Use:
        use = Use(folder, self.server.options())
        address = {"host": str(self.folder), "port": PORT, "user": user, "show": show}
        use.write(check, **{"with": address}, **values)
        return use


@pytest.fixture(scope="module")
def pooler(tmp_path_factory: pytest.TempPathFactory, patient: Server) -> Iterator[Pooler]:
    folder = tmp_path_factory.mktemp("pgb")
    folder.chmod(0o755)
    started = Pooler(folder, patient)
    started.start()
    yield started
    started.stop()


@shows("pg.pgbouncer-pools")
def test_clients_that_wait_for_the_pool(tmp_path: Path, pooler: Pooler) -> None:
    use = pooler.use(tmp_path, "pg.pgbouncer-pools", "pools", params={"warn_after": "50ms", "critical_after": "1h"})
    seen = use.look()
    assert seen["state"] == "ok", seen["findings"]
    holder, waiter = pooler.client(), pooler.client()
    holder.execute("begin")
    waiter.pgconn.send_query(b"select 1")
    found = eventually(lambda: (seen := use.look())["state"] == "warning" and seen, what="the wait")
    assert "ward (postgres, transaction): 1 client waiting" in found["findings"][0]["message"]
    holder.execute("commit")
    waiter.pgconn.get_result()
    pooler.leave()
    eventually(lambda: use.look()["state"] == "ok", what="the end of the wait")


@shows("pg.pgbouncer-clients")
def test_clients_up_to_the_limit(tmp_path: Path, pooler: Pooler) -> None:
    use = pooler.use(tmp_path, "pg.pgbouncer-clients", "clients")
    assert use.look()["state"] == "ok"
    for _ in range(9):
        pooler.client()
    found = eventually(lambda: (seen := use.look())["state"] == "critical" and seen, what="the full pooler")
    assert "10 of 10 clients" in found["findings"][0]["message"]
    pooler.leave()
    eventually(lambda: use.look()["state"] == "ok", what="room for clients")


@shows("pg.pgbouncer-databases")
def test_a_database_that_somebody_forgot(tmp_path: Path, pooler: Pooler) -> None:
    use = pooler.use(tmp_path, "pg.pgbouncer-databases", "databases", **ONCE)
    assert use.look()["state"] == "ok"
    for mistake, word, cure in (("pause", "paused", "RESUME ward"), ("disable", "disabled", "ENABLE ward")):
        pooler.console(f"{mistake} ward")
        found = use.look()
        assert (found["state"], f"is {word}" in found["summary"] or f"is {word}" in str(found["findings"])) == (
            "critical",
            True,
        )
        hint = found["findings"][0]["hint"]
        assert hint.endswith(cure)
        pooler.console(cure)
        assert use.look()["state"] == "ok"


@shows("pg.pgbouncer-settings")
def test_a_setting_of_the_pooler(tmp_path: Path, pooler: Pooler) -> None:
    use = pooler.use(tmp_path, "pg.pgbouncer-settings", "settings")
    assert [use.look("--now", f"2026-03-04T0{hour}:00Z")["state"] for hour in (1, 2)] == ["learning", "ok"]
    pooler.console("set server_idle_timeout = 77")
    found = use.look("--now", "2026-03-04T03:00Z")
    assert (found["state"], [one["message"] for one in found["findings"]]) == (
        "warning",
        ["server_idle_timeout was 600 and is 77"],
    )


@pytest.mark.parametrize(
    ("check", "show", "state"),
    [("clients", "clients", "critical"), ("pools", "pools", "unknown"), ("databases", "databases", "unknown")],
)
def test_a_pooler_that_does_not_answer(tmp_path: Path, patient: Server, check: str, show: str, state: str) -> None:
    use = Pooler(tmp_path, patient).use(tmp_path / "home", f"pg.pgbouncer-{check}", show)
    found = use.look()
    assert (found["state"], "cannot connect" in found["summary"]) == (state, True)


@pytest.mark.parametrize("check", ["clients", "pools", "databases"])
def test_a_user_that_may_not_look(tmp_path: Path, pooler: Pooler, check: str) -> None:
    """A pooler that refuses us is not down."""
    found = pooler.use(tmp_path, f"pg.pgbouncer-{check}", check, user="minimal").look()
    assert (found["state"], "not allowed" in found["summary"]) == ("unknown", True)


def scheduler(own_server: Callable[..., Server], patient: Server, extension: str, **settings: str) -> Server:
    look = f"select count(*) from pg_available_extensions where name = '{extension}'"
    if not database_of(patient).value(look):
        pytest.skip(f"this server's programs come without {extension}")
    server = own_server(settings)
    run_in(server, *ROLES, f"create extension {extension}")
    return server


def granted(use: Use, server: Server) -> None:
    """Runs what the message of the unknown result says."""
    found = use.look()
    assert found["state"] == "unknown"
    reason = found["findings"][0]["reason"]
    run_in(server, *reason[reason.index("grant ") :].split("; "))


@shows("pg.cron-failures")
def test_a_job_of_pg_cron(tmp_path: Path, own_server: Callable[..., Server], patient: Server) -> None:
    server = scheduler(own_server, patient, "pg_cron", shared_preload_libraries="pg_cron")
    database = database_of(server)
    uses = {user: Use(tmp_path / user, server.options(user=user)) for user in ("postgres", "minimal", "nobody")}
    for use in uses.values():
        use.write("pg.cron-failures", targets=["main"])
    assert {user: use.look()["state"] for user, use in uses.items()} == {
        "postgres": "ok", "minimal": "unknown", "nobody": "unknown"
    }  # fmt: skip
    granted(uses["minimal"], server)
    assert uses["minimal"].look()["state"] == "ok"
    job = database.value("select cron.schedule('broken', '* * * * *', 'select 1 / 0')")
    # A minute is too long to wait for: the run is written as the scheduler writes it.
    failed(database, job, "failed")
    for user in ("postgres", "minimal"):
        found = uses[user].look()
        assert (found["state"], "division by zero" in found["findings"][0]["message"]) == ("warning", True)
    for _ in range(2):
        failed(database, job, "failed")
    assert uses["minimal"].look()["state"] == "critical"
    assert uses["nobody"].look()["state"] == "unknown"
    failed(database, job, "succeeded")
    assert uses["minimal"].look()["state"] == "ok"


def failed(database: Database, job: int, status: str) -> None:
    database.execute(
        "insert into cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time,"
        f" end_time) values ({job}, nextval('cron.runid_seq'), 'postgres', 'postgres', 'select 1 / 0', '{status}',"
        " 'ERROR:  division by zero', now(), now())"
    )


@shows("pg.agent-failures")
def test_a_job_of_pg_agent(tmp_path: Path, own_server: Callable[..., Server], patient: Server) -> None:
    server = scheduler(own_server, patient, "pgagent")
    database = database_of(server)
    use = Use(tmp_path, server.options(user="minimal"))
    use.write("pg.agent-failures")
    granted(use, server)
    assert use.look()["state"] == "ok"
    database.execute("insert into pgagent.pga_job (jobjclid, jobname) values (1, 'nightly')")
    database.execute(
        "insert into pgagent.pga_jobstep (jstjobid, jstname, jstcode, jstkind, jstdbname) values (1, 'it', 'select 1 / 0', 's', 'postgres')"
    )
    for number in (1, 2, 3):
        database.execute(
            "insert into pgagent.pga_joblog (jlgjobid, jlgstatus) values (1, 'f')",
            "insert into pgagent.pga_jobsteplog (jsljlgid, jsljstid, jslstatus, jsloutput)"
            f" values ({number}, 1, 'f', 'division by zero')",
        )
        found = use.look()
        assert (found["state"], found["findings"][0]["message"].endswith("division by zero")) == (
            "critical" if number == 3 else "warning",
            True,
        )
    database.execute("insert into pgagent.pga_joblog (jlgjobid, jlgstatus) values (1, 's')")
    assert use.look()["state"] == "ok"
