"""What YAML reads in another way than its author: each trap in a home, with what is said about it.

Traps of the syntax alone stand in tests/config/golden/traps.txt.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.compile.home import load_home
from runner.config.diagnostics import one_line
from runner.plugins.host import PluginHost

REGISTRY = PluginHost({}, no_plugins=True).registry()
CHECK = "check: a\nsql: select used from t\n"
DURATION = "must be a duration such as 30s, 5min, 2h or 1d"


def said(folder: Path, data: bytes | str, settings: str = "") -> list[str]:
    (folder / "checks.d").mkdir()
    (folder / "checks.d" / "a.yaml").write_bytes(data if isinstance(data, bytes) else data.encode())
    (folder / "runner.yaml").write_text(settings)
    return [one_line(item).partition(":")[2] for item in load_home(folder, REGISTRY, {}).diagnostics]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("warning: {used > 1, y}\n",
         "3:11: error[bad-value]: `warning` must be a text or true or false or a list, not a mapping (for example: dead_rows > 100000)"),
        ("warning: yes\n", ("3:10: error[expression-column]: the result has no column `yes`"
         " (the truth values are written `true` and `false`: `true`)")),
        ("warning: Off\n", ("3:10: error[expression-column]: the result has no column `Off`"
         " (the truth values are written `true` and `false`: `false`)")),
        ("timeout: 1:30\n", f"3:10: error[bad-value]: `timeout` {DURATION} (write 1h 30min)"),
        ("timeout: 00:12:30\n", f"3:10: error[bad-value]: `timeout` {DURATION} (write 12min 30s)"),
        ("timeout: 30\n", f"3:10: error[bad-value]: `timeout` {DURATION} (write the unit: 30s, 30min or 30h)"),
        ("schedule: 1:30\n", "3:11: error[bad-schedule]: `1:30` is a time, not a schedule (write `daily at 1:30`)"),
        ("retry: {times: 010}\n", ("3:16: error[bad-value]: `times` must be a whole number, not a text"
         " (write 10: numbers have no leading zeros and no underscores here)")),
        ("retry: {times: 1_0}\n", ("3:16: error[bad-value]: `times` must be a whole number, not a text"
         " (write 10: numbers have no leading zeros and no underscores here)")),
        ("tags: on\n", "3:7: error[bad-value]: `tags` must be a list, not a text (write [on])"),
        ("requires: {version: 1.10}\n",
         "3:21: error[bad-value]: `version` must be a major version such as 14+, 13-16 or 15 (for example: 14+)"),
        ("title: 12\n", '3:8: error[bad-value]: `title` must be a text, not a number (quote it: "12")'),
        ("title: 1.10\n", '3:8: error[bad-value]: `title` must be a text, not a number (quote it: "1.10")'),
        ("title: true\n", '3:8: error[bad-value]: `title` must be a text, not true (quote it: "true")'),
        ("title: null\n", "3:1: error[bad-value]: `title` must be a text, not empty (for example: Dead rows are piling up)"),
        ("sql: select 2 as used\n",
         "3:1: error[duplicate-key]: `sql` is set twice; the first is on line 2 (YAML would silently keep only the last one)"),
    ],
)  # fmt: skip
def test_a_trap_is_told(lines: str, expected: str, tmp_path: Path) -> None:
    assert expected in said(tmp_path, CHECK + lines)


def test_a_truth_value_of_yaml_1_1(tmp_path: Path) -> None:
    job = "maintenance: a\ntimeout: 1h\nsteps: [{vacuum: {analyze: yes}}]\n"
    assert said(tmp_path, job) == [
        "3:28: error[bad-value]: `analyze` must be true or false, not a text (write `true`: `yes` is a text in YAML 1.2)"
    ]


@pytest.mark.parametrize(
    "lines",
    [
        "schedule: 0 3 * * *\n",
        "catch_up: no\n",
        "requires: {setting: {fsync: on}}\n",
        "title: on\n",
        "title: NO\n",
        "title: 2026-01-01\n",
        "title: 12:30:45\n",
        "x-on: off\n",
        "warning: used > 1_000 #max\n",
        "warning: used > 80% of used\n",
        "%s",
    ],
)
def test_what_looks_like_a_trap_and_is_none(lines: str, tmp_path: Path) -> None:
    assert said(tmp_path, CHECK + lines.replace("%s", "")) == []


def test_times_of_a_window_need_no_quotes(tmp_path: Path) -> None:
    assert said(tmp_path, CHECK, "windows: {night: {from: 22:00, to: 06:00}}\n") == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"check: a\0\n", "1:9: error[file-encoding]: the control character U+0000 cannot stand in YAML"),
        (b"check: \xff\n", "1:8: error[file-encoding]: byte 0xff is not UTF-8"),
        (b"\xff\xfec\0h\0", "1:1: error[file-encoding]: byte 0xff is not UTF-8"),
        (b"[" * 200_000, "1:52: error[yaml-depth]: this is nested more than 50 deep"),
        (b"", "1:1: warning[empty-file]: "),
        (b"\n# only a comment\n", "1:1: warning[empty-file]: "),
        (b"#" * 1_000_001, "1:1: error[file-too-large]: the file is larger than 1,000,000 bytes"),
    ],
)
def test_files_that_are_hardly_text(data: bytes, expected: str, tmp_path: Path) -> None:
    [found] = said(tmp_path, data)
    assert found.startswith(expected)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf%s", b"---\n%s", b"%%YAML 1.2\n---\n%s"])
def test_marks_at_the_beginning_are_harmless(data: bytes, tmp_path: Path) -> None:
    assert said(tmp_path, data % CHECK.encode()) == []


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_newline_keeps_the_places(newline: bytes, tmp_path: Path) -> None:
    [found] = said(tmp_path, (CHECK + "warning: usd > 1\n").encode().replace(b"\n", newline))
    assert found.startswith("3:10: error[expression-column]")


def test_folders_and_links(tmp_path: Path) -> None:
    folder = tmp_path / "checks.d"
    (folder / "b.yaml").mkdir(parents=True)
    (folder / "c.yaml").symlink_to(folder / "nowhere")
    (folder / "d.yaml").symlink_to(folder / "d.yaml")
    (folder / "a.yaml").write_text(CHECK)
    home = load_home(tmp_path, REGISTRY, {})
    assert [one_line(item) for item in home.diagnostics] == [
        "checks.d/b.yaml:1:1: error[file-unreadable]: this is a folder with the name of a file (rename the folder)",
        "checks.d/c.yaml:1:1: error[file-unreadable]: the file does not exist (the link leads nowhere: remove or mend it)",
        (
            "checks.d/d.yaml:1:1: error[file-unreadable]: the file cannot be read: Too many levels of symbolic links"
            " (check its permissions)"
        ),
    ]
    assert [job.name for job in home.jobs] == ["a"]
