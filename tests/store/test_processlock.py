from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.store.processlock import ProcessLock, is_held, remove_dead

HOLD = """
import subprocess, sys
from pathlib import Path
from runner.store.processlock import ProcessLock
lock = ProcessLock(Path(sys.argv[1]), sys.argv[2])
child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.readline()
"""


def hold(state_dir: Path, tick_id: str) -> tuple[subprocess.Popen[str], int]:
    """A process that holds a lock, and the program that it has started."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state_dir), tick_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    return holder, int(holder.stdout.readline())


def test_a_tick_is_held_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    with ProcessLock(tmp_path, "one") as lock:
        file = tmp_path / "ticks" / "one.lock"
        assert is_held(tmp_path, "one")
        assert is_held(tmp_path, "one"), "asking changes nothing"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not is_held(tmp_path, "one")
    assert not file.exists()
    lock.close()


def test_a_tick_that_never_was_is_not_alive(tmp_path: Path) -> None:
    assert not is_held(tmp_path, "one")
    assert remove_dead(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_killed_tick_is_dead_at_once_even_when_its_program_goes_on(tmp_path: Path) -> None:
    holder, program = hold(tmp_path, "one")
    try:
        assert is_held(tmp_path, "one")
        assert remove_dead(tmp_path) == 0
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
        os.kill(program, 0)
        assert (tmp_path / "ticks" / "one.lock").exists(), "nobody has cleaned up yet"
        assert not is_held(tmp_path, "one")
        assert not (tmp_path / "ticks" / "one.lock").exists()
    finally:
        os.kill(program, signal.SIGKILL)


def test_dead_ticks_are_removed_and_living_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "ticks").mkdir()
    for name in ("dead", "older"):
        (tmp_path / "ticks" / f"{name}.lock").touch()
    with ProcessLock(tmp_path, "alive"):
        assert remove_dead(tmp_path) == 2
        assert [file.name for file in (tmp_path / "ticks").iterdir()] == ["alive.lock"]


@pytest.mark.parametrize("tick_id", ["../../etc/passwd", "a/b", "..", "größe"])
def test_an_id_never_leaves_the_folder(tmp_path: Path, tick_id: str) -> None:
    with ProcessLock(tmp_path / "state", tick_id):
        assert is_held(tmp_path / "state", tick_id)
        assert len(list((tmp_path / "state" / "ticks").iterdir())) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ticks").write_text("a file")
    with pytest.raises(StoreError, match="cannot be made"):
        ProcessLock(tmp_path, "one")
