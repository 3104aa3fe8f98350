"""`retry:` for a server that cannot be reached: asked again, with pauses that grow, and told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from runner.model.job import Retry
from tests.app.homes import CHECK, SLOT, TempHome, states


@pytest.mark.parametrize(
    ("wait", "pauses"),
    [(10.0, [10, 20, 40, 80, 160, 300, 300]), (0.0, [0, 0]), (600.0, [600, 600])],
)
def test_pauses_double_up_to_five_minutes(wait: float, pauses: list[float]) -> None:
    assert [Retry(times=9, wait=wait).pause(attempt) for attempt in range(len(pauses))] == pauses
    assert Retry(times=100, wait=1.0).pause(99) == 300


def test_a_server_that_comes_back_is_reached_at_a_later_try(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server()
    check = f"{CHECK}retry: {{times: 8, wait: 100ms}}\n"
    home = TempHome.make(tmp_path / "home", server.options(), {"one.yaml": check})
    home.start()
    server.stop()
    back = threading.Timer(0.5, server.restart)
    back.start()
    done = home.tick()
    back.join()
    assert states(done) == {"one": "ok"}
    (note,) = home.logged()[0]["results"][0]["notes"]
    assert note.startswith("the server was reached at try ")


def test_without_retry_nobody_waits(tmp_path: Path) -> None:
    home = TempHome.make(tmp_path / "home", {"host": str(tmp_path), "user": "x", "dbname": "x"}, {"one.yaml": CHECK})
    home.start()
    assert states(home.tick()) == {"one": "unknown"}
    began = time.monotonic()
    home.write("one.yaml", f"{CHECK}retry: {{times: 2, wait: 200ms}}\n")
    assert states(home.tick(SLOT.replace(hour=4))) == {"one": "unknown"}
    assert time.monotonic() - began >= 0.6, "two pauses"
