"""The table of figures in docs/performance.md: made of what the benchmarks wrote, with the words around it untouched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKING = """
import sys
sys.path.insert(0, sys.argv[1])
import figures, write
from pathlib import Path

figures.RESULTS = Path(sys.argv[2])
found = figures.Figures("b", "10 things", absent=["psql is not installed"])
found.add("slow", 3.0, "s", 2)
found.add("fast", 30.0, "times", 15, at_least=True)
found.add("free", 1234.5, "MB")
found.write()
read = figures.read(figures.RESULTS / "b.json")
assert read == found, read
print(write.page(sys.stdin.read(), [read]))
"""
PAGE = "before\n<!-- figures: `make bench` writes from here -->\nold\n<!-- to here -->\nafter\n"


def made(page: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", MAKING, str(ROOT / "bench"), str(tmp_path)]
    return subprocess.run(words, input=page, capture_output=True, text=True, check=False, timeout=60)


def test_figures_stand_between_their_marks(tmp_path: Path) -> None:
    done = made(PAGE, tmp_path)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert text.startswith("before\n")
    assert text.endswith("after\n\n")
    assert "old" not in text
    assert "| `b` | slow | 3 s | ≤ 2 s | 1.50 (missed) |" in text
    assert "| `b` | fast | 30 times | ≥ 15 times | 0.50 |" in text
    assert "| `b` | free | 1,234 MB |  |  |" in text
    assert "- `b`: 10 things. Psql is not installed." in text
    assert made(text, tmp_path).stdout.strip() == text.strip(), "writing them again changes nothing"


@pytest.mark.parametrize("page", ["no marks", "<!-- to here -->"])
def test_a_page_without_a_place_is_not_touched(page: str, tmp_path: Path) -> None:
    done = made(page, tmp_path)
    assert done.returncode != 0
    assert "has no place for figures" in done.stderr


def test_the_page_has_its_place() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page.count("<!-- figures: `make bench` writes from here -->") == 1
    assert page.count("<!-- to here -->") == 1
