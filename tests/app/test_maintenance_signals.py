"""What a maintenance run leaves when its process is interrupted or killed: real processes on a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.homes import Make, TempHome
from tests.cli.support import clean
from tests.postgres import Database, eventually

REINDEX = """
maintenance: rebuild
timeout: 1h
lock_timeout: 30s
steps:
  - reindex: {indexes: [signals_t]}
"""
VACUUM = """
maintenance: night
timeout: 1h
cost_delay: 50ms
cost_limit: 1
steps:
  - vacuum: {tables: [signals_t]}
"""
_ACTIVE = "select count(*) from pg_stat_activity where datname = current_database() and query ilike '{}%' and state = 'active'"


@pytest.fixture
def table(shared: Database) -> Database:
    shared.execute(
        "drop table if exists signals_t",
        "create table signals_t as select generate_series(1, 50000) as i",
        "create index signals_t_i on signals_t (i)",
        "delete from signals_t where i % 2 = 0",
    )
    return shared


def started(home: TempHome, job: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "runner", "--home", str(home.path), "run", job, "--no-deliver"]
    return subprocess.Popen(
        words, env=clean(home.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path("/")
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=90)
    return process.returncode, out + err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_rebuild_leaves_no_invalid_index(make: Make, table: Database, number: int, code: int) -> None:
    home = make(rebuild=REINDEX)
    with table.session("begin", "insert into signals_t values (0)") as writer:
        process = started(home, "rebuild")
        eventually(lambda: table.value("select count(*) from pg_index where not indisvalid"), seconds=60)
        os.kill(process.pid, number)
        eventually(lambda: not table.value(_ACTIVE.format("reindex")), seconds=60)
        writer.execute("rollback")
        found, said = ended(process)
    assert found == code, said
    assert table.value("select count(*) from pg_index where not indisvalid") == 0
    assert table.value(_ACTIVE.format("reindex")) == 0


def test_after_kill_9_the_next_run_understands(make: Make, table: Database) -> None:
    home = make(night=VACUUM)
    first = started(home, "night")
    eventually(lambda: table.value(_ACTIVE.format("vacuum")), seconds=60)
    first.kill()
    ended(first)
    code, said = ended(started(home, "night"))
    if table.major >= 14:
        # The server notices within seconds that its client is gone; until then the table is not touched a second time.
        assert code == 0
        assert "still working for a maintenance run that was killed" in said
    eventually(lambda: not table.value(_ACTIVE.format("vacuum")), seconds=30)
    home.write("night.yaml", VACUUM.replace("50ms", "0ms"))
    code, said = ended(started(home, "night"))
    assert code == 0, said
    assert "completed: 1 of 1 tables vacuumed" in said
