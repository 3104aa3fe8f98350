"""Files stay small, and nothing is left for later."""

from __future__ import annotations

import re
from pathlib import Path

import runner

PACKAGE = Path(runner.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b|for now\b")


def test_no_file_is_longer_than_the_budget() -> None:
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_every_module_says_what_it_is_in_one_sentence() -> None:
    texts = {str(path.relative_to(PACKAGE)): path.read_text("utf-8") for path in SOURCES}
    assert [name for name, text in texts.items() if text.strip() and not text.startswith('"""')] == []
