# ruff: noqa: INP001
"""The tests that depend on the server's version, on one major after the other.

`matrix.py` takes all majors, `matrix.py 14 17` these; `--second` one that `make test` does not take, with quick states only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from runner.demo.binaries import choose  # noqa: E402
from tests.majors import MAJORS, Found, another_than, find  # noqa: E402

TESTS = ("tests/catalogue", "tests/kinds", "tests/probes", "tests/engine", "tests/shipped")
QUICK = ("-m", "quick", "tests/catalogue")


def run(found: Found, words: list[str]) -> str:
    """Says how it ended."""
    print(f"\n--- {found}", flush=True)
    if not found.folder:
        return str(found)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--pg-bin={found.folder}", *words]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    outcome = "passed" if code == 0 else f"failed (pytest ended with {code})"
    return f"PostgreSQL {found.major}: {outcome} in {time.monotonic() - began:.0f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("majors", nargs="*", type=int, help="all unless some are named")
    parser.add_argument("--second", action="store_true", help="another major than the first, quick states only")
    parser.add_argument("-n", default="2", help="processes of pytest-xdist")
    given, more = parser.parse_known_args()
    words = ["-n", given.n, *(QUICK if given.second else TESTS), *more]
    wanted = [another_than(choose())] if given.second else [find(major) for major in given.majors or MAJORS]
    ends = [run(found, words) for found in wanted]
    print("", *ends, sep="\n")
    return 1 if any("failed" in end for end in ends) else 0


if __name__ == "__main__":
    sys.exit(main())
