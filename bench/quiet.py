"""What a quiet tick costs: `python3 -c pass` beside `run-due` with 1,000 jobs in 300 files and nothing due."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from runner.app.crontab import own_command

FILES, JOBS, ROUNDS = 300, 1000, 41
_JOB = "  - check: job-{number}\n    sql: select 1 as one\n    warning: one > 1\n"
# As after an installation: the modules are compiled once, not by every process.
_LEFT_OUT = ("PG", "DATABASE_", "RUNNER_", "PYTHONDONTWRITEBYTECODE")
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}


def write_home(home: Path) -> None:
    """Jobs that are due once a year, so that no server is asked."""
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text("version: 1\nsinks: {screen: {type: stdout}}\n")
    for file in range(FILES):
        jobs = "".join(_JOB.format(number=number) for number in range(file, JOBS, FILES))
        (home / "checks.d" / f"group-{file}.yaml").write_text(f'schedule: "0 0 29 2 *"\njobs:\n{jobs}')


def seconds(words: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, env=_ENVIRONMENT)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        home = Path(folder)
        write_home(home)
        bare = [sys.executable, "-c", "pass"]
        quiet = [*own_command(), "run-due", "--home", str(home)]
        first = seconds(quiet)
        while not (home / ".runner" / "gate").exists():
            # A home that was changed a moment ago keeps the gate open.
            time.sleep(1)
            seconds(quiet)
        # By turns, so that whatever else the machine does meets both alike.
        pairs = [(seconds(bare), seconds(quiet)) for _ in range(ROUNDS)]
    nothing, tick = (median(times) for times in zip(*pairs, strict=True))
    print(f"{JOBS} jobs in {FILES} files, nothing due; medians of {ROUNDS} processes by turns")
    print(f"python3 -c pass     {nothing * 1000:7.1f} ms")
    print(f"runner run-due      {tick * 1000:7.1f} ms   {tick / nothing:.2f} times as long")
    print(f"the first tick, which reads every file  {first * 1000:.0f} ms")


if __name__ == "__main__":
    main()
