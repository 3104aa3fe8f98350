"""docs/writing-checks.md is followed step by step: its files, its changes, its commands, and every line that it shows.

`RUNNER_WRITE_PAGES=1 pytest tests/docs/test_tutorial.py` writes what is printed into the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from runner.config.codes import CODES
from tests.docs.blocks import ROOT
from tests.docs.test_documents import in_home
from tests.docs.tutorial import Reader, changed, rewritten, steady
from tests.postgres import Database

PAGE = ROOT / "docs" / "writing-checks.md"
FAMILIES = {
    "unknown-key", "bad-value", "bad-schedule", "expression-column", "expression-unit", "expression-function",
    "expression-syntax", "template", "unknown-column", "unknown-parameter", "yaml-syntax", "missing-key",
    "sql-error", "duplicate-key", "threshold-never",
}  # fmt: skip


def test_the_page_shows_what_is_printed(tmp_path: Path, database: Database) -> None:
    text = PAGE.read_text("utf-8")
    steps = list(Reader(tmp_path, in_home(tmp_path, database)).follow(text))
    if os.environ.get("RUNNER_WRITE_PAGES"):
        PAGE.write_text(rewritten(text, steps), "utf-8")
    assert len(steps) > 20
    for step in steps:
        assert steady(step.printed) == steady(step.shown), f"$ {step.command}"
        assert step.code in {0, 1}, f"$ {step.command}: exit {step.code}"
        assert "Traceback" not in step.printed


def test_a_mistake_in_every_part_of_a_file_is_shown() -> None:
    shown = set(re.findall(r"(?:error|warning)\[([\w-]+)\]", PAGE.read_text("utf-8")))
    assert shown <= set(CODES)
    assert FAMILIES - shown == set()


def test_every_mistake_is_named_before_it_is_made() -> None:
    """Each `diff` is one line for one line, or one more, so that a reader sees what to mend."""
    for diff in re.findall(
        r"(?<!<!-- keep -->\n)^```diff\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        assert diff.count("\n+") + diff.startswith("+") == 1
        assert len(diff.splitlines()) <= 3


def test_a_change_must_fit_its_file() -> None:
    assert changed("a: 1\nb: 2\n", "-a: 1\n+a: 3\n") == "a: 3\nb: 2\n"
    assert changed("a: 1\nb: 2\n", " a: 1\n+c: 3\n") == "a: 1\nc: 3\nb: 2\n"
    with pytest.raises(AssertionError, match="stands 0 times"):
        changed("a: 1\n", "-b: 1\n+b: 2\n")
