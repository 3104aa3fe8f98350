"""What is shown of work that goes on: a bar on a real terminal, lines on a plain one, nothing elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from runner.cli.progress import Bar, drawn
from tests.app.homes import TempHome
from tests.cli.support import clean
from tests.postgres import Database

NIGHT = """
maintenance: night
timeout: 1h
cost_delay: 50ms
cost_limit: 5
steps:
  - vacuum: {tables: [progress_t, progress_u]}
  - sql: select 1
"""


@pytest.mark.parametrize(
    ("share", "columns", "line"),
    [
        (0.0, 80, "[--------------------]   0% public.t"),
        (0.456, 80, "[#########-----------]  45% public.t"),
        (0.999, 80, "[###################-]  99% public.t"),
        (1.0, 80, "[####################] 100% public.t"),
        (1.7, 80, "[####################] 100% public.t"),
        (-1.0, 80, "[--------------------]   0% public.t"),
        (0.5, 31, "[##########----------]  50% pub"),
        (0.5, -1, ""),
    ],
)
def test_the_bar_fits_its_line(share: float, columns: int, line: str) -> None:
    assert drawn("public.t", share, columns) == line


def test_lines_are_written_above_the_bar_which_is_taken_away_at_the_end() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar.tell("before")
    bar.show("main", "public.t", 0.5)
    bar.tell("a line\x1b[31m with a colour")
    bar.show("main", "", 0.75)
    bar.close()
    bar.close()
    half, more = (drawn("public.t", share, 79) for share in (0.5, 0.75))
    clear = "\r\x1b[K"
    assert stream.getvalue() == f"before\n{clear}{half}{clear}a line with a colour\n{half}{clear}{more}{clear}"


def test_several_targets_are_told_apart() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    for target in ("main", "other"):
        bar.show(target, "public.t", 0.5)
    assert [part.partition("% ")[2] for part in stream.getvalue().split("\r\x1b[K")[1:]] == [
        "public.t", "other: public.t",
    ]  # fmt: skip


def on_terminal(home: TempHome, **environ: str) -> tuple[int, str, str]:
    """Exit code, standard output, and what a terminal behind standard error was sent."""
    words = [sys.executable, "-m", "runner", "--home", str(home.path), "run", "night", "--no-deliver"]
    inner, outer = pty.openpty()
    given = clean({**home.environ, "TERM": "xterm", "COLUMNS": "80", **environ})
    process = subprocess.Popen(words, env=given, stdout=subprocess.PIPE, stderr=outer, cwd=Path("/"))
    os.close(outer)
    sent = bytearray()
    with suppress(OSError):  # so Linux says that nobody writes any more
        while piece := os.read(inner, 65536):
            sent += piece
    os.close(inner)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out.decode(), sent.decode().replace("\r\n", "\n")


@pytest.fixture
def home(tmp_path: Path, shared: Database) -> TempHome:
    shared.execute("drop table if exists progress_t, progress_u")
    shared.execute(*(f"create table progress_{name} as select 1 as i, repeat('x', 80) as x" for name in "tu"))
    return TempHome.make(tmp_path / "home", shared.options(), {"night.yaml": NIGHT})


def test_a_terminal_gets_a_bar_that_moves_and_is_gone_at_the_end(home: TempHome, shared: Database) -> None:
    shared.execute("insert into progress_t select i, repeat('x', 80) from generate_series(1, 15000) i")
    code, out, sent = on_terminal(home)
    assert (code, "completed: 2 of 2 tables vacuumed" in out) == (0, True)
    shares = [int(found) for found in re.findall(r"\] +(\d+)% ", sent)]
    assert "[--------------------]   0% public.progress_t (1 of 2)" in sent
    assert len(set(shares)) > 2, "it moves while one table is worked on"
    assert max(shares) > 50
    assert shares == sorted(shares)
    assert sent.endswith("\r\x1b[K")
    assert "\x1b" not in out


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_plain_terminal_gets_lines(home: TempHome, environ: Mapping[str, str]) -> None:
    code, _, sent = on_terminal(home, **environ)
    assert code == 0
    assert "\x1b" not in sent
    assert sent.splitlines()[:2] == ["public.progress_t (1 of 2)", "public.progress_u (2 of 2)"]
    assert sent.splitlines()[-1] == "step 2"
