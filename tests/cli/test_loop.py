"""`run-due --loop` as a real process: its rhythm, its ticks, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.support import clean, process, runner
from tests.postgres import eventually

HOME = "version: 1\nallow: [command]\nsinks: {log: {type: log_file, path: runner.log}}\n"
TOUCH = "schedule: every 1min\ncommand: touch\nrun: [sh, -c, 'echo x >> ran']\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "runner.yaml").write_text(HOME)
    (tmp_path / "checks.d" / "touch.yaml").write_text(TOUCH)
    return tmp_path


@contextmanager
def looping(home: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "runner", "--home", str(home), "run-due", "--loop", "--every", "1s"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean({}))
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_it_ticks_until_sigterm_and_leaves_nothing_behind(home: Path) -> None:
    with looping(home) as loop:
        eventually(lambda: lines(home / "ran") >= 1, what="the slot of this minute")
        loop.send_signal(signal.SIGTERM)
        _, errors = loop.communicate(timeout=60)
    assert loop.returncode == 143
    assert errors.strip().splitlines()[-1].endswith("terminated")
    count = lines(home / "ran")
    history = process("history", "--json", "--limit", "1000", home=home).out
    assert history.count('"status": "done"') == count, "every run was recorded, none is left running"
    time.sleep(1.5)
    assert lines(home / "ran") == count


def test_a_tick_that_works_is_ended_and_waited_for(home: Path) -> None:
    (home / "checks.d" / "touch.yaml").write_text(TOUCH.replace("echo x >> ran", "echo x >> ran; sleep 600"))
    with looping(home) as loop:
        eventually(lambda: lines(home / "ran") >= 1)
        ticks = children(loop)
        assert ticks
        loop.send_signal(signal.SIGTERM)
        loop.communicate(timeout=60)
    assert loop.returncode == 143
    assert not [tick for tick in ticks if Path(f"/proc/{tick}").exists()]
    assert '"status": "running"' not in process("history", "--json", home=home).out


def test_what_ends_is_reaped(home: Path) -> None:
    (home / "checks.d" / "broken.yaml").write_text("check: [")
    seen: set[int] = set()
    with looping(home) as loop:
        eventually(lambda: seen.update(children(loop)) or len(seen) >= 3, what="a tick a second")
        dead = [pid for pid in children(loop) if " Z " in Path(f"/proc/{pid}/stat").read_text()]
        assert len(dead) <= 1, "one that ended just now"
        os.kill(loop.pid, signal.SIGINT)
        loop.communicate(timeout=60)
    assert loop.returncode == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--loop", "--now", "2026-11-25T03:00Z"), "host's clock"),
        (("--loop", "--exit-state"), "no state to exit with"),
        (("--loop", "--every", "soon"), "`soon`"),
        (("--loop", "--every", "0.1s"), "a second or more"),
        (("--every", "1min"), "goes with --loop"),
    ],
)
def test_what_does_not_go_together(home: Path, words: tuple[str, ...], message: str) -> None:
    ran = runner("run-due", *words, home=home)
    assert ran.code == 64
    assert message in ran.err
