"""pgbench beside a maintenance job: its slowest transaction, without the job and during it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.load import Load, beside
from runner.api import State
from runner.demo.binaries import choose
from tests.kinds.maintained import context_for, maintain
from tests.postgres import Database, Servers

STEPS = (
    {"vacuum": {"tables": "all", "analyze": True, "jobs": 2}},
    {"freeze": {"tables": "all"}},
    {"reindex": {"indexes": ["pgbench_accounts"]}},
)
A_MOMENT = 1.5
"""Seconds that anything may take on a machine that has other work; a lock that keeps the application out takes longer."""


@pytest.fixture(scope="module")
def pgbench(server: Servers) -> Path:
    program = choose(version=server.major if server.version else None, folder=server.programs).folder / "pgbench"
    if not program.exists():
        pytest.skip(f"there is no pgbench in {program.parent}")
    return program


@pytest.fixture(scope="module")
def bank(server: Servers, pgbench: Path) -> Iterator[Database]:
    with server.fresh_database() as database:
        subprocess.run([pgbench, "-i", "-q", "-s", "1", database.dsn()], check=True, capture_output=True)
        yield database


@pytest.fixture
def slowest(bank: Database, pgbench: Path) -> Callable[[Callable[[], object]], float]:
    def found(work: Callable[[], object]) -> float:
        seconds = beside(Load(pgbench, bank.dsn(), ["-b", "simple-update"]), work)
        assert len(seconds) > 50, "it worked all the time"
        return seconds[-1]

    return found


def test_no_transaction_waits_for_the_job(
    bank: Database, slowest: Callable[[Callable[[], object]], float], record_property: Callable[[str, object], None]
) -> None:
    def job() -> None:
        context = context_for(bank)
        with context.sessions:
            found = maintain(context, *STEPS, cost_delay="2ms")
        assert found.state is State.OK, found.findings
        assert found.summary.startswith("completed: ")

    alone, during = slowest(lambda: time.sleep(1.5)), slowest(job)
    record_property("slowest alone", alone)
    record_property("slowest during the job", during)
    assert during < alone + A_MOMENT


def test_a_lock_that_keeps_everybody_out_would_be_seen(
    bank: Database, slowest: Callable[[Callable[[], object]], float]
) -> None:
    def locked() -> None:
        with bank.session("begin", "lock table pgbench_accounts") as holder:
            time.sleep(A_MOMENT + 0.5)
            holder.execute("rollback")
        time.sleep(0.5)

    assert slowest(locked) > A_MOMENT
