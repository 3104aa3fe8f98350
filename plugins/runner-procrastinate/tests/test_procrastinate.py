"""The plugin itself, its names, and what it says of a server that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import runner_procrastinate
from runner_procrastinate.executor import ProcrastinateExecutor
from runner_procrastinate.names import queue_name

from runner.api import ExecutorError, Secret
from runner.testing import PluginContract


@dataclass
class Place:
    """The ExecutorContext."""

    home: Path = Path("/nowhere")
    state_dir: Path = Path("/nowhere/.runner")
    queues: tuple[str, ...] = ("", "dmz")


class TestPlugin(PluginContract):
    plugin = runner_procrastinate


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:hunter2@127.0.0.1:1/x", "host=127.0.0.1 port=1 password=hunter2", "hunter2"]
)
def test_no_secret_is_told(dsn: str) -> None:
    executor = ProcrastinateExecutor({"dsn": Secret(dsn)}, Place())
    for ask in (lambda: executor.holding(()), lambda: executor.hand_out([]), executor.set_up):
        with pytest.raises(ExecutorError) as caught:
            ask()
        assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
        assert caught.value.hint


@pytest.mark.parametrize("value", ["", "dmz", "é" * 60, "x" * 200])
def test_queues_can_be_notified(value: str) -> None:
    assert len(f"procrastinate_queue_v1#{queue_name('runner', value)}".encode()) <= 63


def test_names_of_queues() -> None:
    assert queue_name("runner", "") == "runner"
    assert queue_name("runner", "dmz") == "runner.dmz"
    assert queue_name("runner", "x" * 100) != queue_name("runner", "x" * 101)
