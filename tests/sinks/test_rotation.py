"""Real logrotate takes the log away again and again while several processes write to it: no line is lost or torn."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from runner.sinks.log_file import open_log_file
from tests.formats.samples import quiet_night
from tests.sinks.test_log_file import context

WRITERS, RECORDS = 4, 150


def write(home: Path, writer: int, records: int, go: Event) -> None:
    """Records of two lines each, as a loop of ticks writes them."""
    go.wait(30)
    for number in range(records):
        name = f"{writer}.{number}"
        sink = open_log_file({"path": "health.log", "format": "text"}, context(home, f"first {name}\nsecond {name}\n"))
        sink.emit(quiet_night())
        sink.close()


def rotate(home: Path, rule: str) -> None:
    program = shutil.which("logrotate") or shutil.which("logrotate", path="/usr/sbin")
    if not program:
        pytest.skip("needs logrotate: apt-get install logrotate")
    settings = home / "logrotate.conf"
    settings.write_text(f"{home / 'health.log'} {{\n  size 1k\n  rotate 1000\n  {rule}\n}}\n")
    settings.chmod(0o600)
    command = [program, "--force", "--state", str(home / "state"), str(settings)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def records_of(home: Path) -> Counter[str]:
    files = sorted(home.glob("health.log*"))
    assert len(files) > 3, "it was rotated meanwhile"
    return Counter(record.strip() for file in files for record in file.read_text().split("\n\n") if record.strip())


def expected(writers: int, records: int) -> Counter[str]:
    names = [f"{writer}.{number}" for writer in range(writers) for number in range(records)]
    return Counter(f"first {name}\nsecond {name}" for name in names)


def test_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    (tmp_path / "health.log").touch()
    spawn = multiprocessing.get_context("fork")
    go = spawn.Event()
    writers = [spawn.Process(target=write, args=(tmp_path, writer, RECORDS, go)) for writer in range(WRITERS)]
    for each in writers:
        each.start()
    go.set()
    turns = 0
    while turns < 3 or any(each.is_alive() for each in writers):
        rotate(tmp_path, "nocreate\n  missingok")
        turns += 1
    for each in writers:
        each.join(60)
    assert [each.exitcode for each in writers] == [0] * WRITERS
    assert records_of(tmp_path) == expected(WRITERS, RECORDS)


def test_a_file_that_logrotate_creates_is_used(tmp_path: Path) -> None:
    """In turns: a sink that may create the file can be quicker than logrotate's own `create`, which then complains."""
    ready = multiprocessing.get_context("fork").Event()
    ready.set()
    for writer in range(4):
        write(tmp_path, writer, 3, ready)
        rotate(tmp_path, "create 0600")
        assert (tmp_path / "health.log").stat().st_mode & 0o777 == 0o600
    assert records_of(tmp_path) == expected(4, 3)
