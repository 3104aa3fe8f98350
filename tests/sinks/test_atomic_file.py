"""The sink `atomic_file`: the file is a whole report at every moment, and others can read it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from runner.api import RetryableSinkError, SinkError
from tests.formats.samples import quiet_night, vacuum_night, very_many
from tests.sinks.contexts import sink

REPORT = quiet_night()


@pytest.mark.parametrize(("options", "expected"), [({}, 0o644), ({"mode": "0600"}, 0o600)])
def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path, options: dict[str, str], expected: int) -> None:
    before = os.umask(0o077)
    try:
        sink("atomic_file", tmp_path, path="page.html", **options).emit(REPORT)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == expected


def test_each_report_replaces_the_one_before_and_the_group_can_be_part_of_the_name(tmp_path: Path) -> None:
    carrier = sink("atomic_file", tmp_path, path="{group}.prom", format_="prometheus", values=1)
    for report in (REPORT, vacuum_night(), REPORT):
        carrier.emit(report)
    carrier.close()
    carrier.close()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["db-health-check.prom", "db-vacuum-analyze.prom"]
    assert "runner_job_state" in (tmp_path / "db-health-check.prom").read_text()


def test_old_reports_are_kept(tmp_path: Path) -> None:
    carrier = sink("atomic_file", tmp_path, path="report", format_="text", keep=2)
    for title in "abcd":
        carrier.emit(replace(REPORT, title=title))
    assert {item.name: item.read_text().split()[1] for item in tmp_path.iterdir()} == {
        "report": "d",
        "report.1": "c",
        "report.2": "b",
    }


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    carrier, path = sink("atomic_file", tmp_path, path="page", format_="json"), tmp_path / "page"
    many, few = very_many(), REPORT
    carrier.emit(few)
    stop, broken = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            text = path.read_text()
            if not (text.startswith("{") and text.endswith("}\n")):
                broken.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    for report in (many, few, many, few):
        carrier.emit(report)
    stop.set()
    reader.join()
    assert broken == []


KILLED = """
import os, sys
from pathlib import Path
import runner.sinks.atomic_file as module
from tests.formats.samples import quiet_night
from tests.sinks.contexts import sink
module.os.replace = lambda *_: os._exit(9)
sink("atomic_file", Path(sys.argv[1]), path="page", format_="text").emit(quiet_night())
"""


def test_a_process_that_dies_leaves_the_old_file_and_its_rest_is_swept_later(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("old")
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run(words, cwd=Path(__file__).parents[2], check=False).returncode == 9
    assert (tmp_path / "page").read_text() == "old"
    (left,) = tmp_path.glob(".page.*.tmp")
    foreign = tmp_path / ".page.d"
    foreign.touch()
    sink("atomic_file", tmp_path, path="page", format_="text").emit(REPORT)
    assert left.exists()
    for path in (left, foreign):
        os.utime(path, (0, 0))
    sink("atomic_file", tmp_path, path="page", format_="text").emit(REPORT)
    assert sorted(item.name for item in tmp_path.iterdir()) == [".page.d", "page"]


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    sink("atomic_file", tmp_path, path="page", dry_run=True).emit(REPORT)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_a_folder_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    with pytest.raises(SinkError, match="page cannot be written: Is a directory") as caught:
        sink("atomic_file", tmp_path, path="page").emit(REPORT)
    assert not isinstance(caught.value, RetryableSinkError)
    assert list(tmp_path.iterdir()) == [tmp_path / "page"]


def test_a_missing_folder_can_be_mended(tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match="gone does not exist") as caught:
        sink("atomic_file", tmp_path, path="gone/page").emit(REPORT)
    assert "sudo install -d" in caught.value.hint
    sink("atomic_file", tmp_path, path=".runner/page").emit(REPORT)
    assert (tmp_path / ".runner" / "page").exists()


def test_a_full_disk_is_told_and_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "page").write_text("old")
    monkeypatch.setattr("runner.sinks.atomic_file.os.fsync", full)
    with pytest.raises(RetryableSinkError, match="No space left on device") as caught:
        sink("atomic_file", tmp_path, path="page").emit(REPORT)
    assert caught.value.hint.startswith("df -h ")
    assert [item.read_text() for item in tmp_path.iterdir()] == ["old"]
