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


def write(home: Path, writer: int, go: Event) -> None:
    """Records of two lines each, as a loop of ticks writes them."""
    go.wait(30)
    for number in range(RECORDS):
        name = f"{writer}.{number}"
        sink = open_log_file({"path": "health.log", "format": "text"}, context(home, f"first {name}\nsecond {name}\n"))
        sink.emit(quiet_night())
        sink.close()


def test_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    program = shutil.which("logrotate") or shutil.which("logrotate", path="/usr/sbin")
    if not program:
        pytest.skip("needs logrotate: apt-get install logrotate")
    log, settings = tmp_path / "health.log", tmp_path / "logrotate.conf"
    log.touch()
    settings.write_text(f"{log} {{\n  size 1k\n  rotate 1000\n  create 0640\n}}\n")
    settings.chmod(0o600)
    spawn = multiprocessing.get_context("fork")
    go = spawn.Event()
    writers = [spawn.Process(target=write, args=(tmp_path, writer, go)) for writer in range(WRITERS)]
    for each in writers:
        each.start()
    go.set()
    turns = 0
    while turns < 3 or any(each.is_alive() for each in writers):
        command = [program, "--force", "--state", str(tmp_path / "state"), str(settings)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        turns += 1
    for each in writers:
        each.join(60)
    assert [each.exitcode for each in writers] == [0] * WRITERS
    files = sorted(tmp_path.glob("health.log*"))
    assert len(files) > 3, "it was rotated meanwhile"
    records = [record for file in files for record in file.read_text().split("\n\n") if record]
    names = [f"{writer}.{number}" for writer in range(WRITERS) for number in range(RECORDS)]
    assert Counter(record.strip() for record in records) == Counter(f"first {name}\nsecond {name}" for name in names)
