"""The probe of files: patterns, folders, sizes, ages, and what cannot be read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.api import Row, RunnerError
from runner.probes import files
from tests.kinds.support import Context
from tests.probes.test_probes import columns, talk

NOW = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


def look(*patterns: Path | str) -> list[Row]:
    context = Context()
    context.now = NOW
    rows, _ = talk(files.fetch(context, {"paths": [str(pattern) for pattern in patterns]}), None)
    assert all(set(row) == columns("files") for row in rows)
    return rows


def write(path: Path, size: int, age: float) -> None:
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW.timestamp() - age,) * 2)


def test_the_newest_and_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "z.dump", 100, 7200)
    write(tmp_path / "a.dump", 70, 60)
    write(tmp_path / "m.dump", 90, 3600)
    write(tmp_path / "other", 9, 0)
    [row] = look(tmp_path / "*.dump")
    assert (row["files"], row["total"], row["newest"], row["error"]) == (3, 260, "a.dump", None)
    assert (row["newest_age"], row["newest_size"], row["previous_size"]) == (pytest.approx(60), 70, 90)


def test_a_folder_is_one_backup(tmp_path: Path) -> None:
    inside = tmp_path / "base1" / "deep"
    inside.mkdir(parents=True)
    write(inside / "1", 30, 0)
    write(tmp_path / "base1" / "2", 5, 0)
    [row] = look(tmp_path / "base*")
    assert (row["files"], row["newest"], row["newest_size"], row["previous_size"]) == (1, "base1", 35, None)


def test_no_file_is_not_no_folder(tmp_path: Path) -> None:
    nothing, nowhere = look(tmp_path / "*.dump", tmp_path / "gone" / "*.dump")
    assert (nothing["files"], nothing["newest_age"], nothing["error"]) == (0, None, None)
    assert (nowhere["files"], nowhere["error"]) == (None, f"{tmp_path}/gone: No such file or directory")


def test_a_file_from_the_future_is_new(tmp_path: Path) -> None:
    write(tmp_path / "a", 1, -600)
    [row] = look(tmp_path / "*")
    assert row["newest_age"] == 0


def test_a_wildcard_in_the_middle(tmp_path: Path) -> None:
    for day in ("mon", "tue"):
        (tmp_path / day).mkdir()
        write(tmp_path / day / "shop.dump", 10, 60 if day == "tue" else 90)
    [row] = look(tmp_path / "*" / "shop.dump")
    assert (row["files"], row["newest_age"]) == (2, pytest.approx(60))


def test_nothing_to_look_for() -> None:
    with pytest.raises(RunnerError, match="nothing to look for"):
        look()
