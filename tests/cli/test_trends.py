"""The terminal twin of the HTML page: trends as bars in `status`, in the terminal's own characters and width."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.cli.trends import knows_blocks, trend_rows
from runner.formats.layout import width
from runner.model.result import Outcome
from runner.testing import result, trend
from tests.cli.support import process, runner

NUMBERS = tuple(range(40))


def with_trend(*trends):
    return result("dead-rows", outcome=Outcome(summary="", trends=trends))


def test_a_course_is_shown_with_where_it_comes_from() -> None:
    (row,) = trend_rows([with_trend(trend("n", (1, 2, 3, 8), "public", "orders"))], 100, blocks=True)
    assert row == ("▁▂▃█", "public.orders n", "1 → 8 in 3 d", "dead-rows", "main")


def test_a_terminal_without_blocks_gets_plain_signs() -> None:
    (row,) = trend_rows([with_trend(trend("n", (1, 2, 3, 8)))], 100, blocks=False)
    assert row == ("_.-#", "n", "1 -> 8 in 3 d", "dead-rows", "main")
    assert all(cell.isascii() for cell in row)


@pytest.mark.parametrize(("columns", "bars"), [(200, 24), (58, 22), (50, 14), (10, 8)])
def test_bars_take_the_room_that_there_is(columns: int, bars: int) -> None:
    (row,) = trend_rows([with_trend(trend("n", NUMBERS))], columns, blocks=True)
    assert width(row[0]) == bars
    assert columns < 50 or sum(width(cell) + 2 for cell in row) - 2 <= columns


def test_what_has_no_course_is_not_shown() -> None:
    assert trend_rows([result(), with_trend(trend("n", (1,))), with_trend(trend("n", ()))], 100, blocks=True) == []


@pytest.mark.parametrize(
    ("encoding", "known"), [("utf-8", True), ("ascii", False), ("latin-1", False), (None, True), ("no-such", False)]
)
def test_the_encoding_decides(encoding: str | None, known: bool) -> None:
    assert knows_blocks(encoding) is known


CHECK = """
check: files
schedule: hourly
probe: acme.count
columns: {n: count}
key: [name]
warning: n > 2
trend: n
"""
PLUGIN = """
from runner.api import ProbeType, hookimpl

def fetch(context, options):
    yield from ()
    counter = context.home / "counter"
    n = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(n))
    return [{"name": "all", "n": n}]

@hookimpl
def runner_register_probes():
    return [ProbeType(name="acme.count", summary="", fetch=fetch, columns={"n": "count"}, key=("name",), needs_server=False)]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in {"checks.d/files.yaml": CHECK, "plugins/acme.py": PLUGIN, "runner.yaml": "version: 1\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for hour in range(1, 5):
        assert runner("run-due", "--now", f"2026-03-04T0{hour}:00:00Z", home=tmp_path).code == 0
    return tmp_path


def test_status_shows_the_trends_of_what_is_wrong(home: Path) -> None:
    said = process("status", "--now", "2026-03-04T04:00:30Z", home=home, environ={"PYTHONUTF8": "1"})
    assert said.code == 1, said.all
    assert re.search(r"^▁▃▆█   all n  1 → 4 in .* h.*  files  host$", said.out, re.MULTILINE)
    assert re.search(r"\nnext: files in 59 min [0-9]+ s\n$", said.out)
    listed = runner("status", "--json", "--now", "2026-03-04T04:00:30Z", home=home).json()
    assert listed["next"] == [{"group": "files", "slot": "2026-03-04T05:00:00+00:00"}]
    plain = process(
        "status", "--now", "2026-03-04T04:00:30Z", home=home, environ={"PYTHONIOENCODING": "ascii", "COLUMNS": "60"}
    )
    assert re.search(r"^_-\+#   all n  1 -> 4 in .* h.*  files  host$", plain.out, re.MULTILINE)
    assert plain.out.isascii()


def test_a_tick_can_print_its_reports_in_any_format(home: Path) -> None:
    settings = home / "runner.yaml"
    settings.write_text("version: 1\nsinks:\n  screen: {type: stdout}\n  log: {type: log_file, path: a.log}\n")
    said = runner("run-due", "--format", "json", "--now", "2026-03-04T05:00:00Z", home=home)
    assert said.code == 0
    assert said.json()["group"] == "files"
    assert "files" in (home / "a.log").read_text()
    quiet = runner("run-due", "--format", "json", "--now", "2026-03-04T05:00:10Z", home=home)
    assert (quiet.code, quiet.out) == (0, "")


def test_a_tick_begins_nothing_in_a_format_that_does_not_exist(home: Path) -> None:
    said = runner("run-due", "--format", "jsn", "--now", "2026-03-04T05:00:00Z", home=home)
    assert said.code == 64
    assert "did you mean `json`?" in said.err
    assert (home / "counter").read_text() == "4"
