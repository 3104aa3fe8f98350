"""Who is alive, for hosts that share a store: each has a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from runner.errors import StoreError
from runner.store.open import open_store
from runner.store.postgres import engine as engine_module, locks
from tests.postgres import Database, eventually
from tests.store.shared import kill_sessions, url_of

HOLD = """
import sys
from pathlib import Path
from runner.store.open import open_store
with open_store(sys.argv[1], Path(sys.argv[2])) as store, store.hold("tick"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def start_holder(url: str, home: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_lock_is_seen_from_other_hosts_until_it_is_left(tmp_path: Path, shared_url: str) -> None:
    with open_store(shared_url, tmp_path / "a") as one, open_store(shared_url, tmp_path / "b") as other:
        assert not other.is_held("tick")
        with one.hold("tick"):
            assert one.is_held("tick")
            assert other.is_held("tick")
            assert not other.is_held("another tick")
        assert not one.is_held("tick")
        assert not other.is_held("tick")


def test_a_host_that_was_killed_holds_nothing_within_a_second(tmp_path: Path, shared_url: str) -> None:
    with open_store(shared_url, tmp_path / "a") as store:
        child = start_holder(shared_url, tmp_path / "b")
        assert store.is_held("tick")
        os.kill(child.pid, signal.SIGKILL)
        killed = time.monotonic()
        child.communicate()
        eventually(lambda: not store.is_held("tick"), seconds=10)
        assert time.monotonic() - killed < 1.0


def test_a_lock_whose_session_was_ended_is_taken_again_at_once(
    tmp_path: Path, store_database: Database, shared_url: str
) -> None:
    with open_store(shared_url, tmp_path / "a") as one, one.hold("tick"):
        for _ in range(3):
            assert kill_sessions(store_database)
            with open_store(shared_url, tmp_path / "b") as other:
                eventually(lambda: other.is_held("tick"), what="the lock")
        with open_store(shared_url, tmp_path / "b") as other:
            assert other.is_held("tick")
    with open_store(shared_url, tmp_path / "b") as other:
        assert not other.is_held("tick")


def test_a_second_holder_waits_for_the_first(tmp_path: Path, shared_url: str) -> None:
    order: list[str] = []
    with open_store(shared_url, tmp_path / "a") as one, open_store(shared_url, tmp_path / "b") as other:

        def deliver() -> None:
            with other.hold("deliveries"):
                order.append("other")

        with one.hold("deliveries"):
            waiter = threading.Thread(target=deliver)
            waiter.start()
            waiter.join(0.5)
            assert waiter.is_alive()
            order.append("one")
        waiter.join(20)
    assert order == ["one", "other"]


def test_a_waiting_host_survives_the_loss_of_its_session(
    tmp_path: Path, store_database: Database, shared_url: str
) -> None:
    with open_store(shared_url, tmp_path / "a") as one, open_store(shared_url, tmp_path / "b") as other:
        entered = threading.Event()

        def deliver() -> None:
            with other.hold("deliveries"):
                entered.set()

        with one.hold("deliveries"):
            waiter = threading.Thread(target=deliver)
            waiter.start()
            eventually(lambda: store_database.value("select count(*) from pg_locks where not granted") == 1)
            store_database.execute(
                "select pg_terminate_backend(pid) from pg_locks where not granted and locktype = 'advisory'"
            )
            assert not entered.wait(0.5)
        assert entered.wait(20)
        waiter.join()


def test_after_a_restart_a_lock_that_nobody_holds_counts_as_held_for_a_while(
    tmp_path: Path, own_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_server()
    url = url_of(server.options())
    with open_store(url, tmp_path / "a") as one:
        assert not one.is_held("tick"), "no lock of a new store can be lost"
        with one.hold("tick"):
            server.restart("immediate")
            with open_store(url, tmp_path / "b") as other:
                assert other.is_held("tick"), "whether it was taken again already or not"
                assert other.is_held("dead for long"), "its owner may not be back yet"
                monkeypatch.setattr(locks, "GRACE_SECONDS", 0.0)
                eventually(lambda: other.is_held("tick"), what="the lock that is taken again")
                assert not other.is_held("dead for long")
        monkeypatch.undo()
        assert one.is_held("dead for long"), "it lost its connection itself a moment ago"


def test_on_one_host_a_lock_is_seen_while_the_server_is_away(
    tmp_path: Path, own_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RETRY_SECONDS", 0.3)
    server = own_server()
    with open_store(url_of(server.options()), tmp_path) as one, one.hold("tick"):
        server.stop("immediate")
        assert one.is_held("tick")
        with pytest.raises(StoreError, match="cannot be reached"):
            one.is_held("other")
        with pytest.raises(StoreError, match="cannot be reached"), one.hold("other"):
            pytest.fail("a lock that the others cannot see is none")
