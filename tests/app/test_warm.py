"""Warm ticks: forks of the loop while the program is the same, processes of their own when it is not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from runner.app import warm
from runner.app.loading import load
from runner.app.warm import Starter, fork


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def fails() -> NoReturn:
    raise RuntimeError("oops")


def leaves() -> NoReturn:
    sys.exit(3)


def test_a_fork_ends_with_the_code_of_its_work() -> None:
    assert ended(fork(lambda: 4)) == 4


@pytest.mark.parametrize("work", [fails, leaves])
def test_nothing_of_the_caller_goes_on_in_the_fork(work: object, tmp_path: Path) -> None:
    here = os.getpid()
    try:
        pid = fork(work)  # type: ignore[arg-type]
    finally:
        if os.getpid() != here:
            (tmp_path / "went on").touch()
    assert ended(pid) == 70
    assert not (tmp_path / "went on").exists()


def test_what_was_printed_before_is_printed_once(capfd: pytest.CaptureFixture[str]) -> None:
    print("before", end="")
    ended(fork(lambda: print("within", end="") or 0))
    print("after", end="")
    sys.stdout.flush()
    assert capfd.readouterr().out == "beforewithinafter"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "runner.yaml").write_text("version: 1\n")
    return tmp_path


WARM, COLD = 5, 6


def code_of(starter: Starter) -> int:
    return ended(starter.start())


def starter_for(home: Path) -> Starter:
    cold = [sys.executable, "-c", f"raise SystemExit({COLD})"]
    return Starter(load(str(home), environ={}), lambda: WARM, cold)


def test_an_update_of_the_program_ends_the_forks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = starter_for(home)
    assert code_of(starter) == WARM
    monkeypatch.setattr(warm, "program_mark", lambda: "another")
    assert code_of(starter) == COLD


def test_in_the_middle_of_an_update_the_program_is_loaded_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = starter_for(home)

    def gone() -> str:
        raise FileNotFoundError("runner/api.py")

    monkeypatch.setattr(warm, "program_mark", gone)
    assert code_of(starter) == COLD


def test_with_plugins_every_tick_loads_them_anew(home: Path) -> None:
    (home / "plugins").mkdir()
    (home / "plugins" / "acme.py").write_text("__runner_api__ = (1, 0)\n")
    assert code_of(starter_for(home)) == COLD
