"""The pytest plugin of `runner.testing`: pytest loads it by itself where runner is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runner.testing import FakeFormatContext, FakeSinkContext, HttpReceiver, RunnerHome

# The kit itself is imported by the fixtures: nobody else's tests pay for it.
pytest.register_assert_rewrite("runner.testing")


@pytest.fixture
def runner_home(tmp_path: Path) -> RunnerHome:
    """A home in a temporary folder, on which `runner` can be called."""
    from runner.testing import RunnerHome

    return RunnerHome(tmp_path / "home")


@pytest.fixture
def sink_context(tmp_path: Path) -> FakeSinkContext:
    """What a sink is handed, with a temporary home."""
    from runner.testing import FakeSinkContext

    (tmp_path / "home").mkdir(exist_ok=True)
    return FakeSinkContext(home=tmp_path / "home")


@pytest.fixture
def format_context(tmp_path: Path) -> FakeFormatContext:
    """What a format is handed, with a temporary home's folder of templates."""
    from runner.testing import FakeFormatContext

    return FakeFormatContext(templates=(tmp_path / "home" / "templates",))


@pytest.fixture
def http_receiver() -> Iterator[HttpReceiver]:
    """A real HTTP server on the loopback that keeps what it is sent."""
    from runner.testing import HttpReceiver

    receiver = HttpReceiver()
    yield receiver
    receiver.close()
