"""A process dies exactly where it was told to, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner.crashpoints import POINTS, VARIABLE

WALK = "from runner.crashpoints import reached\nfor n in range(4):\n    reached('after-claim'); print(n, flush=True)"


@pytest.mark.parametrize(
    ("wanted", "printed", "code"),
    [
        (None, "0 1 2 3", 0),
        ("", "0 1 2 3", 0),
        ("before-claim", "0 1 2 3", 0),
        ("after-claim", "", -9),
        ("after-claim:3", "0 1", -9),
        ("after-claim:5", "0 1 2 3", 0),
    ],
)
def test_it_dies_the_nth_time_it_comes_there(wanted: str | None, printed: str, code: int) -> None:
    environment = {} if wanted is None else {VARIABLE: wanted}
    done = subprocess.run(
        [sys.executable, "-c", WALK], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert (" ".join(done.stdout.split()), done.returncode, done.stderr) == (printed, code, "")


def test_no_name_stands_twice() -> None:
    assert len(set(POINTS)) == len(POINTS)


def test_the_quiet_path_does_not_import_it() -> None:
    script = "import sys, runner.__main__; sys.exit('runner.crashpoints' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30).returncode == 0
