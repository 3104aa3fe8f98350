"""A short run of the fuzzer: what is found in it at all is found in seconds; `python -m fuzz.run` looks longer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from fuzz.mutate import WORDS, mutate
from fuzz.run import Figures, keep, part, report
from fuzz.subjects import SUBJECTS, Subject

ROOT = Path(__file__).parents[2]
INPUTS = {"expression": 3000, "document": 400, "home": 60, "settings": 60, "template": 600, "schedule": 1500}


@pytest.mark.parametrize("name", SUBJECTS)
def test_nothing_breaks_and_nothing_takes_long(name: str) -> None:
    figures = part(name, 1, 0, INPUTS[name])
    assert figures.inputs == INPUTS[name]
    assert (figures.broken, figures.slow) == (Counter(), 0), figures.examples


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_seed_is_sound(name: str) -> None:
    subject = SUBJECTS[name]
    assert len(subject.seeds()) > 1
    for seed in subject.seeds():
        subject.run(seed.encode())


def test_the_same_seed_gives_the_same_inputs() -> None:
    seeds, words = ("check: a\nsql: select 1\n", "é > 5"), WORDS["yaml"]
    one, other = ([mutate(Random(f"1 {number}"), seeds, words) for number in range(300)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 200


def test_an_error_that_escapes_is_counted_and_its_input_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def breaks(data: bytes) -> None:
        if b"7" in data:
            raise ZeroDivisionError(f"{len(data)} parts")

    monkeypatch.setitem(SUBJECTS, "expression", Subject(breaks, lambda: ("7", "8"), (" ",), 1.0))
    found = {"expression": part("expression", 1, 0, 200)}
    assert 0 < found["expression"].broken.total() < 200
    assert len(found["expression"].broken) == 1
    assert "times: ZeroDivisionError in test_short_run.py" in report(found)
    (path,) = keep(found, tmp_path)
    assert b"7" in path.read_bytes()


def test_figures_add_up() -> None:
    one = Figures(inputs=2, seconds=1.0, slowest=0.6, memory=30.0, slow=1, broken=Counter({"a": 1}))
    one.add(Figures(inputs=3, seconds=2.0, slowest=0.4, memory=40.0, broken=Counter({"a": 1, "b": 2})))
    assert (one.inputs, one.seconds, one.slowest, one.memory, one.slow) == (5, 3.0, 0.6, 40.0, 1)
    assert one.broken == {"a": 2, "b": 2}


def test_a_process_that_dies_is_a_finding_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    program = """
import os
from fuzz import run, subjects
from fuzz.subjects import Subject

def dies(data):
    if data == b"7":
        os._exit(9)

def child(*words):
    subjects.SUBJECTS["expression"] = Subject(dies, lambda: ("7", "8" * 3, "9" * 5), ("7",), 1.0)
    original(*words)

original, run._child = run._child, child
if __name__ == "__main__":
    figures = run.isolated("expression", 1, 0, 60)
    print(figures.inputs, set(figures.broken))
"""
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == "60 {'the process ended with 9'}\n", done.stderr
