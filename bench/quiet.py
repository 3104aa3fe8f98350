"""What a quiet tick costs: `python3 -c pass` beside `run-due` with 1,000 jobs in 300 files and nothing due."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from costs import by_turns, cost
from figures import Figures, arguments

from runner.app.crontab import own_command

FILES, JOBS, ROUNDS = 300, 1000, 41
LIMIT, MEMORY = 4, 35
_JOB = "  - check: job-{number}\n    sql: select 1 as one\n    warning: one > 1\n"


def write_home(home: Path, files: int, jobs: int) -> None:
    """Jobs that are due once a year, so that no server is asked."""
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text("version: 1\nsinks: {screen: {type: stdout}}\n")
    for file in range(files):
        texts = "".join(_JOB.format(number=number) for number in range(file, jobs, files))
        (home / "checks.d" / f"group-{file}.yaml").write_text(f'schedule: "0 0 29 2 *"\njobs:\n{texts}')


def main() -> None:
    given = arguments(__doc__, ROUNDS).parse_args()
    files, jobs, rounds = (3, 10, 3) if given.quick else (FILES, JOBS, given.rounds)
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        home = Path(folder)
        write_home(home, files, jobs)
        bare = [sys.executable, "-c", "pass"]
        quiet = [*own_command(), "run-due", "--home", str(home)]
        first = cost(quiet).wall
        while not (home / ".runner" / "gate").exists():
            # A home that was changed a moment ago keeps the gate open.
            time.sleep(1)
            cost(quiet)
        nothing, tick = by_turns(rounds, bare, quiet)
    figures = Figures("quiet", f"{jobs:,} jobs in {files} files, nothing due; {rounds} processes", given.quick)
    print(f"{figures.sizes} by turns, medians")
    print(f"python3 -c pass     {nothing.wall * 1000:7.1f} ms")
    print(
        f"runner run-due      {tick.wall * 1000:7.1f} ms   {tick.wall / nothing.wall:.2f} times as long, {tick.memory:.0f} MB"
    )
    print(f"the first tick, which reads every file  {first * 1000:.0f} ms")
    figures.add("`run-due` with nothing due, beside `python3 -c pass`", tick.wall / nothing.wall, "times", LIMIT)
    figures.add("`run-due` with nothing due", tick.wall * 1000, "ms")
    figures.add("`run-due` with nothing due: memory", tick.memory, "MB", MEMORY)
    figures.add("the first tick, which reads every file", first, "s")
    figures.write()


if __name__ == "__main__":
    main()
