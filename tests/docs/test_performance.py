"""Every benchmark is run by `make bench`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_make_bench_runs_each_of_them() -> None:
    [names] = re.findall(r"^BENCHMARKS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    programs = {file.stem for file in (ROOT / "bench").glob("*.py") if "__main__" in file.read_text()}
    assert set(names.split()) == programs - {"delay", "write"}
