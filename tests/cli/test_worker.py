"""`runner worker`: what it refuses to do, and which queues it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.loading import load
from runner.cli.commands.worker import chosen_queues
from runner.cli.main import run
from tests.app.memory_executor import PLUGIN

QUEUED = "version: 1\nexecutor: {type: test.memory, name: cli, queue_by: network}\n"
TARGETS = "targets:\n  a: {host: a, labels: {network: dmz}}\n  b: {host: b}\n"


def home(path: Path, settings: str) -> Path:
    (path / "plugins").mkdir()
    (path / "plugins" / "memory.py").write_text(PLUGIN)
    (path / "runner.yaml").write_text(settings)
    return path


@pytest.mark.parametrize(
    ("settings", "words", "code", "said"),
    [
        ("version: 1\n", [], 64, "`run-due` performs what is due itself"),
        ("version: 1\nexecutor: {type: local}\n", [], 64, "name another executor"),
        (QUEUED + TARGETS, ["--labels", "dmz"], 64, "`dmz` is not a label"),
        (QUEUED + TARGETS, ["--labels", "env=prod"], 64, "queues follow the label `network`"),
        (QUEUED.replace(", queue_by: network", ""), ["--labels", "network=dmz"], 64, "add `queue_by:`"),
        (QUEUED + TARGETS, ["--setup"], 0, ""),
        (QUEUED + TARGETS, ["--once"], 0, ""),
        (QUEUED + TARGETS, ["--once", "--labels", "network=dnz"], 0, "no target has the label network=dnz"),
    ],
)
def test_what_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], settings: str, words: list[str], code: int, said: str
) -> None:
    assert run(["--home", str(home(tmp_path, settings)), "worker", *words]) == code
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("labels", "queues"),
    [("", None), ("network=dmz", ("dmz",)), ("network=", ("",)), ("network=dmz, network=", ("dmz", ""))],
)
def test_labels_choose_queues(tmp_path: Path, labels: str, queues: tuple[str, ...] | None) -> None:
    loaded = load(str(home(tmp_path, QUEUED + TARGETS)), environ={})
    settings = loaded.home.settings.executor
    assert settings is not None
    assert chosen_queues(labels, settings, loaded.home) == queues


def test_an_executor_that_is_not_there_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    (told,) = load(str(home(tmp_path, QUEUED.replace("test.memory", "test.other"))), environ={}).home.errors
    assert (told.code, told.span.line) == ("bad-value", 2)
