"""What writing a report of 10,000 findings costs: each format in a process of its own, its time and its memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from statistics import median

from figures import Figures, arguments

from runner.api import Column, Dimension, Finding, Observation, Outcome, Report, Result, Series, State, Table
from runner.formats.registered import FORMATS
from runner.plugins.registry import resolve
from runner.report.context import Templates

JOBS, FINDINGS, ROUNDS = 100, 100, 5
LIMIT, MEMORY = 1, 200
_SLOT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def report() -> Report:
    """100 jobs with 100 findings, as many observed rows, and a table of them."""
    return Report(
        id="bench",
        group="bench",
        title="10,000 findings",
        slot=_SLOT,
        created=_SLOT,
        results=tuple(_result(number) for number in range(JOBS)),
    )


def _result(job: int) -> Result:
    keys = [("public", f"table_{number}") for number in range(FINDINGS)]
    outcome = Outcome(
        summary=f"{FINDINGS} of {FINDINGS} tables over their limit",
        findings=tuple(
            Finding(
                state=State.WARNING if number % 3 else State.CRITICAL,
                message=f"{'.'.join(key)}: {number * 1000:,} dead rows",
                series=Series("app", key),
                hint=f"runner run vacuum-table --param table={'.'.join(key)}",
                since=_SLOT - timedelta(hours=number),
            )
            for number, key in enumerate(keys)
        ),
        observations=tuple(Observation(series=Series("app", key), values={"dead_rows": 1, "size": 2}) for key in keys),
        columns=(Column(name="dead_rows", dimension=Dimension.NUMBER), Column(name="size", dimension=Dimension.BYTES)),
        tables=(Table(title="tables", columns=("schema", "table"), rows=tuple(keys)),),
        key=("schema", "table"),
    )
    return Result(
        run=f"run-{job}", job=f"job-{job}", kind="check", group="bench", title="", target="main", slot=_SLOT,
        started=_SLOT, finished=_SLOT + timedelta(seconds=1), outcome=outcome,
    )  # fmt: skip


def measure(name: str) -> None:
    """Prints seconds of processor time, the process's peak of memory in bytes, and the size of the text."""
    made = report()
    render = resolve(next(item for item in FORMATS if item.name == name).render)
    began = time.process_time()
    text = render(made, {}, Templates(templates=()))
    seconds = time.process_time() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, len(text.encode()))


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--format", default="", help="only this one, in this process")
    given = parser.parse_args()
    if given.format:
        measure(given.format)
        return
    rounds = 1 if given.quick else given.rounds
    figures = Figures("formats", f"{JOBS * FINDINGS:,} findings of {JOBS} jobs; {rounds} processes", given.quick)
    print(f"{figures.sizes}, medians")
    for name in [item.name for item in FORMATS][: 2 if given.quick else None]:
        words = [sys.executable, __file__, "--format", name]
        found = [
            subprocess.run(words, check=True, capture_output=True, text=True).stdout.split() for _ in range(rounds)
        ]
        seconds, memory, size = (median(float(item[place]) for item in found) for place in range(3))
        print(f"{name:12} {seconds:6.2f} s   {memory / 1e6:4.0f} MB   {size / 1e6:6.2f} MB of text")
        figures.add(f"`{name}`: the processor", seconds, "s", LIMIT)
        figures.add(f"`{name}`: memory", memory / 1e6, "MB", MEMORY)
    figures.write()


if __name__ == "__main__":
    main()
