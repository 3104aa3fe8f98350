"""A healthy server with much to do raises nothing with the preset `standard`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runner.demo.binaries import installations
from runner.demo.embedded import Server
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import run_in
from tests.cli.support import runner
from tests.postgres import eventually
from tests.shipped.support import database_of

LONG = os.environ.get("RUNNER_TEST_LONG", "") not in ("", "0")
SECONDS, LOOKS = (240, 13) if LONG else (16, 5)
# As somebody sets them who looks after a server; the throw-away ones are dangerous, and are told.
HEALTHY = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "autovacuum": "on",
    "autovacuum_naptime": "1s",
    "max_connections": "60",
    "log_lock_waits": "on",
    "idle_in_transaction_session_timeout": "10min",
}
# What the calendar says is no question of the load, and the server was started a moment ago.
ELSEWHERE = {"minor-release", "end-of-life", "restarted"}
QUIET = {"ok", "learning", "skipped"}
SETTLED = "select max(greatest(n_ins_since_vacuum, n_mod_since_analyze)) < 1000 from pg_stat_user_tables"


def pgbench() -> str:
    """The program, of whatever version."""
    for item in installations():
        if (program := item.folder / "pgbench").exists():
            return str(program)
    pytest.skip("pgbench is not installed here")


@contextmanager
def load_on(server: Server, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Two clients write as fast as they can."""
    program, address = pgbench(), ["-h", str(server.sockets), "-p", str(server.port), "-U", "postgres"]
    subprocess.run([program, "-i", "-q", "-s", "5", *address, "shop"], check=True, capture_output=True)
    # What was loaded is vacuumed and analyzed first: looks are seconds apart here.
    eventually(lambda: database_of(server, "shop").value(SETTLED), what="autovacuum", seconds=120)
    with (folder / "pgbench").open("wb") as output:
        words = [program, "-c", "2", "-T", "3600", *address, "shop"]
        process = subprocess.Popen(words, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def test_nothing_is_raised(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server(HEALTHY)
    run_in(server, *ROLES, "create database shop")
    homes = {user: home_of(tmp_path / user, server, user) for user in ("postgres", "minimal")}
    transactions = "select xact_commit from pg_stat_database where datname = 'shop'"
    with load_on(server, tmp_path) as process:
        before, began = database_of(server).value(transactions), time.monotonic()
        for number in range(LOOKS):
            time.sleep(max(0.0, began + number * SECONDS / (LOOKS - 1) - time.monotonic()))
            for user, home in homes.items():
                raised = look(home)
                assert raised == {}, f"as {user} after {time.monotonic() - began:.0f} s"
        assert process.poll() is None, (tmp_path / "pgbench").read_text()
        assert database_of(server).value(transactions) > before + 10 * SECONDS


def home_of(path: Path, server: Server, user: str) -> Path:
    (path / "checks.d").mkdir(parents=True)
    target = json.dumps({**server.options("shop", user), "databases": {"include": ["shop"]}})
    (path / "runner.yaml").write_text(f"version: 1\ntargets: {{main: {target}}}\nsinks: {{}}\n")
    (path / "checks.d" / "standard.yaml").write_text("schedule: hourly\njobs: [{use: preset.standard}]\n")
    return path


def look(home: Path) -> dict[str, Any]:
    """What is neither quiet nor about something else than this server."""
    said = runner("run", "standard", "--json", home=home)
    assert said.err == "", said.err
    results = said.json()["results"]
    assert len(results) > 50
    return {
        result["job"]: (result["state"], [finding["message"] for finding in result["findings"]] or result["summary"])
        for result in results
        if result["state"] not in QUIET and result["job"] not in ELSEWHERE and "host" not in result["tags"]
    }
