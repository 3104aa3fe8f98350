"""The probe of a WAL archive: gaps, sizes, timelines, and the names that archives give."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.api import Row, RunnerError
from runner.probes import wal_archive
from tests.kinds.support import Context
from tests.probes.test_probes import columns, talk

NOW = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
SIZE = 1024 * 1024


def look(path: Path | str, **options: int) -> list[Row]:
    context = Context()
    context.now = NOW
    rows, _ = talk(wal_archive.fetch(context, {"path": str(path), "segment_megabytes": 1, **options}), None)
    assert all(set(row) == columns("wal_archive") for row in rows)
    return rows


def write(path: Path, size: int = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)
    os.utime(path, (NOW.timestamp() - 60,) * 2)


def name(timeline: int, number: int) -> str:
    return f"{timeline:08X}{number // 4096:08X}{number % 4096:08X}"


def test_a_gap_across_the_border_of_an_id(tmp_path: Path) -> None:
    for number in (4094, 4095, 4096, 4099):
        write(tmp_path / name(1, number))
    [row] = look(tmp_path)
    assert (row["segments"], row["missing"], row["first_missing"]) == (4, 2, name(1, 4097))
    assert (row["last"], row["odd_sizes"], row["newest_age"]) == (name(1, 4099), 0, pytest.approx(60))


def test_timelines_are_told_apart(tmp_path: Path) -> None:
    for timeline, number in ((1, 5), (1, 6), (2, 6), (2, 7)):
        write(tmp_path / name(timeline, number))
    assert [(row["timeline"], row["missing"]) for row in look(tmp_path)] == [("00000001", 0), ("00000002", 0)]


def test_names_of_other_programs_and_files_that_are_no_segments(tmp_path: Path) -> None:
    write(tmp_path / "16-1" / name(1, 3)[:16] / f"{name(1, 3)}-{'a' * 40}.gz", 10)
    write(tmp_path / "16-1" / name(1, 4)[:16] / f"{name(1, 4)}.zst", 10)
    write(tmp_path / f"{name(1, 9)}.partial")
    write(tmp_path / f"{name(1, 8)}.00000028.backup", 300)
    write(tmp_path / "00000002.history", 40)
    [row] = look(tmp_path)
    assert (row["segments"], row["missing"], row["odd_sizes"]) == (2, 0, 0)


def test_a_file_that_broke_off(tmp_path: Path) -> None:
    write(tmp_path / name(1, 3))
    write(tmp_path / name(1, 4), 77)
    [row] = look(tmp_path)
    assert (row["odd_sizes"], row["odd_size"]) == (1, name(1, 4))


def test_an_empty_archive_and_none(tmp_path: Path) -> None:
    [empty], [none] = look(tmp_path), look(tmp_path / "gone")
    assert (empty["segments"], empty["missing"], empty["error"]) == (0, 0, None)
    assert (none["segments"], none["error"]) == (None, f"{tmp_path}/gone: No such file or directory")


def test_no_path() -> None:
    with pytest.raises(RunnerError, match="does not know where"):
        look("")
