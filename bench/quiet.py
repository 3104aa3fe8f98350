"""What a quiet tick costs: `python3 -c pass` beside `run-due` with 1,000 jobs in 300 files and nothing due."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from costs import by_turns, cost

from runner.app.crontab import own_command

FILES, JOBS, ROUNDS = 300, 1000, 41
_JOB = "  - check: job-{number}\n    sql: select 1 as one\n    warning: one > 1\n"


def write_home(home: Path) -> None:
    """Jobs that are due once a year, so that no server is asked."""
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text("version: 1\nsinks: {screen: {type: stdout}}\n")
    for file in range(FILES):
        jobs = "".join(_JOB.format(number=number) for number in range(file, JOBS, FILES))
        (home / "checks.d" / f"group-{file}.yaml").write_text(f'schedule: "0 0 29 2 *"\njobs:\n{jobs}')


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        home = Path(folder)
        write_home(home)
        bare = [sys.executable, "-c", "pass"]
        quiet = [*own_command(), "run-due", "--home", str(home)]
        first = cost(quiet).wall
        while not (home / ".runner" / "gate").exists():
            # A home that was changed a moment ago keeps the gate open.
            time.sleep(1)
            cost(quiet)
        nothing, tick = by_turns(ROUNDS, bare, quiet)
    print(f"{JOBS} jobs in {FILES} files, nothing due; medians of {ROUNDS} processes by turns")
    print(f"python3 -c pass     {nothing.wall * 1000:7.1f} ms")
    print(
        f"runner run-due      {tick.wall * 1000:7.1f} ms   {tick.wall / nothing.wall:.2f} times as long, {tick.memory:.0f} MB"
    )
    print(f"the first tick, which reads every file  {first * 1000:.0f} ms")


if __name__ == "__main__":
    main()
