"""Finding a home, listing its files, and reading what lies there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.config.files import MAX_BYTES, SYSTEM_HOME, find_home, job_files, read_text, shipped
from runner.errors import ConfigurationError


def test_the_option_wins_over_everything(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "runner.yaml").touch()
    found = find_home("a", {"RUNNER_HOME": str(tmp_path)}, tmp_path)
    assert (found.path, found.reason) == (tmp_path / "a", "--home")


def test_the_variable_comes_next(tmp_path: Path) -> None:
    assert find_home(None, {"RUNNER_HOME": str(tmp_path)}, Path("/")).reason == "RUNNER_HOME"


@pytest.mark.parametrize("mark", ["runner.yaml", "checks.d"])
def test_then_the_nearest_folder_upward(tmp_path: Path, mark: str) -> None:
    deep = tmp_path / "x" / "y"
    deep.mkdir(parents=True)
    if mark == "checks.d":
        (tmp_path / mark).mkdir()
    else:
        (tmp_path / mark).touch()
    found = find_home(None, {}, deep)
    assert (found.path, found.reason) == (tmp_path, "found upward")


def test_at_last_the_system_home() -> None:
    assert find_home(None, {}, Path("/")).path == SYSTEM_HOME


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_named_home_must_be_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError) as caught:
        find_home(name, {}, tmp_path)
    assert name in caught.value.message
    assert caught.value.hint


def test_job_files_are_sorted_and_the_catalogue_is_none_of_them(tmp_path: Path) -> None:
    root = tmp_path / "checks.d"
    for name in ("b.yaml", "a.yaml", "sub/c.yaml", "catalogue/pg.yaml", ".hidden.yaml", ".git/x.yaml", "notes.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "old.yml").touch()
    (root / "loop").symlink_to(root)
    files, diagnostics = job_files(tmp_path)
    assert [str(path.relative_to(root)) for path in files] == ["a.yaml", "b.yaml", "sub/c.yaml"]
    assert [(item.code, item.span.file, item.hint) for item in diagnostics] == [
        ("file-ignored", "checks.d/old.yml", "rename it to old.yaml")
    ]


def test_a_home_without_checks_has_no_files(tmp_path: Path) -> None:
    assert job_files(tmp_path) == ([], [])


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"a: \xff\n", "file-encoding", (1, 4)),
        (b"a: 1\nb: \x00\n", "file-encoding", (2, 4)),
        (b"a: \x1b[31m\n", "file-encoding", (1, 4)),
        (b"\xff\xfea\x00", "file-encoding", (1, 1)),
        (b"#" * (MAX_BYTES + 1), "file-too-large", (1, 1)),
    ],
)
def test_unusable_content_is_a_diagnostic(tmp_path: Path, data: bytes, code: str, place: tuple[int, int]) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    file = read_text(path, "x.yaml")
    (item,) = file.diagnostics
    assert file.text is None
    assert (item.code, item.span.line, item.span.column) == (code, *place)
    assert item.hint


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbfa: 1\n", b"a: 1\r\n", "a: é日本🙂\n".encode()])
def test_ordinary_content_is_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    assert read_text(path, "x.yaml").text == data.decode("utf-8-sig")


def test_things_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").mkdir()
    (tmp_path / "l.yaml").symlink_to(tmp_path / "nowhere")
    words = [read_text(tmp_path / name, name).diagnostics[0].message for name in ("d.yaml", "l.yaml")]
    assert words == ["this is a folder with the name of a file", "the file does not exist"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.touch(mode=0o000)
    (item,) = read_text(path, "x.yaml").diagnostics
    assert item.code == "file-unreadable"
    assert "Permission denied" in item.message


def test_what_comes_with_runner_is_found() -> None:
    assert (shipped("checks.d") / "catalogue").is_dir()
