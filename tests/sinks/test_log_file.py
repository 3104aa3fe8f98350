"""The sink `log_file`: whole records from many writers, through rotation and full disks, or a hint that helps."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner.api import RetryableSinkError
from runner.sinks.log_file import open_log_file
from tests.formats.samples import quiet_night

REPORT = quiet_night()


def context(home: Path, text: str = "one line\n", **changes: object) -> SimpleNamespace:
    made = {
        "name": "health-log",
        "home": home,
        "state_dir": home / ".runner",
        "timeout": 5.0,
        "dry_run": False,
        **changes,
    }
    return SimpleNamespace(**made, format=lambda name: lambda report: text)


def emit(home: Path, path: str | Path, text: str = "one line\n", **changes: object) -> None:
    mode = {"mode": changes.pop("mode")} if "mode" in changes else {}
    sink = open_log_file({"path": str(path), "format": "text", **mode}, context(home, text, **changes))
    sink.emit(REPORT)
    sink.close()
    sink.close()


def test_records_are_appended_and_long_ones_are_set_apart(tmp_path: Path) -> None:
    emit(tmp_path, "health.log", "one\n")
    emit(tmp_path, tmp_path / "health.log", "first\nsecond\n")
    emit(tmp_path, "health.log", "lone \ud800\n")
    assert (tmp_path / "health.log").read_bytes() == b"one\nfirst\nsecond\n\nlone ?\n"


@pytest.mark.parametrize(("options", "expected"), [({}, 0o640), ({"mode": "0600"}, 0o600), ({"mode": "664"}, 0o664)])
def test_a_new_file_has_the_mode_that_was_asked_for(tmp_path: Path, options: dict[str, str], expected: int) -> None:
    before = os.umask(0o077)
    try:
        emit(tmp_path, "new.log", **options)
    finally:
        os.umask(before)
    assert (tmp_path / "new.log").stat().st_mode & 0o777 == expected


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old.log"
    path.touch(mode=0o600)
    path.chmod(0o604)
    emit(tmp_path, path)
    assert path.stat().st_mode & 0o777 == 0o604


def test_rotation_between_records(tmp_path: Path) -> None:
    path = tmp_path / "health.log"
    sink = open_log_file({"path": str(path), "format": "text"}, context(tmp_path))
    sink.emit(REPORT)
    path.rename(tmp_path / "health.log.1")
    sink.emit(REPORT)
    assert path.read_text() == (tmp_path / "health.log.1").read_text() == "one line\n"


def test_rotation_while_waiting_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "health.log"
    path.write_text("")
    with path.open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        writer = threading.Thread(target=emit, args=(tmp_path, path))
        writer.start()
        path.rename(tmp_path / "rotated")
    writer.join(10)
    assert not writer.is_alive()
    assert path.read_text() == "one line\n"
    assert (tmp_path / "rotated").read_text() == ""


def _write_many(home: str, number: int) -> None:
    for record in range(25):
        emit(Path(home), "busy.log", json.dumps({"writer": number, "record": record, "fill": "x" * 9000}) + "\n")


def test_many_processes_write_whole_records(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(str(tmp_path), number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    records = [json.loads(line) for line in (tmp_path / "busy.log").read_text().splitlines()]
    assert sorted((record["writer"], record["record"]) for record in records) == [
        (n, r) for n in range(4) for r in range(25)
    ]


def test_folders_are_made_in_the_state_folder_only(tmp_path: Path) -> None:
    emit(tmp_path, ".runner/logs/deep/health.log")
    assert (tmp_path / ".runner/logs/deep/health.log").read_text() == "one line\n"
    with pytest.raises(RetryableSinkError) as caught:
        emit(tmp_path, "logs/health.log")
    assert caught.value.message == f"the folder {tmp_path / 'logs'} does not exist"
    assert caught.value.hint.startswith("sudo install -d -o ")
    assert caught.value.hint.endswith(f"{tmp_path / 'logs'} or change `path` of the sink `health-log` in runner.yaml")


def test_a_way_out_of_the_state_folder_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(RetryableSinkError):
        emit(home, ".runner/../../outside/health.log")
    assert not (tmp_path / "outside").exists()


def test_a_full_device_is_told(tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match="No space left on device") as caught:
        emit(tmp_path, "/dev/full")
    assert caught.value.hint == "df -h /dev shows how full the disk is"


def test_what_was_written_of_a_record_is_cut_off_again(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from runner.api import RetryableSinkError
from tests.sinks.test_log_file import emit
home = Path(sys.argv[1])
emit(home, "small.log", "kept\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    emit(home, "small.log", "x" * 5000 + "\\n")
except RetryableSinkError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True)
    assert "File too large" in done.stdout
    assert (tmp_path / "small.log").read_text() == "kept\n"


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_missing_rights_come_with_the_command_that_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "health.log"
    if kind == "file":
        path.touch()

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("runner.sinks.log_file.os.open", refuse)
    with pytest.raises(RetryableSinkError, match="cannot be written: Permission denied") as caught:
        emit(tmp_path, path)
    assert caught.value.hint.startswith("sudo chown " if kind == "file" else "sudo install -o ")
    assert str(path) in caught.value.hint


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "health.log").mkdir()
    with pytest.raises(RetryableSinkError, match="cannot be written: Is a directory"):
        emit(tmp_path, "health.log")


def test_a_lock_that_is_never_released_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "health.log"
    path.touch()
    with path.open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(RetryableSinkError, match="another process keeps"):
            emit(tmp_path, path, timeout=0.05)
    assert path.read_text() == ""


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    emit(tmp_path, "health.log", dry_run=True)
    assert list(tmp_path.iterdir()) == []
