"""What `runner validate` costs on 1,000 files, beside check-jsonschema on the same files and the same schema.

A file has one check with a query, three thresholds and a message; `--jobs 3` puts three into each. No two are alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from costs import Cost, cost, middle
from figures import Figures, arguments

from runner.app.crontab import own_command
from runner.config.assemble import CHECKS_SCHEMA, schema_texts
from runner.plugins.host import PluginHost

FILES, ROUNDS = 1000, 5
LIMIT, MEMORY = 2, 150
OTHER = "check-jsonschema==0.39.0"
OTHER_FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runner-bench" / OTHER
_JOB = """\
  - check: dead-rows-{number}
    title: Dead rows are piling up in part {number}
    for_each: database
    requires: {{version: 14+, role: primary}}
    key: [schema, table]
    columns: {{dead_rows: count, live_rows: count}}
    sql: |
      select schemaname as schema, relname as "table", n_dead_tup as dead_rows, n_live_tup as live_rows
      from pg_stat_user_tables where relid % {files} = {number}
    warning: dead_rows > {number}00000
    critical: dead_rows > 1_000_000 and dead_rows > 20% of live_rows + {number}
    clear: dead_rows < {number}0_000
    message: "{{{{ schema }}}}.{{{{ table }}}}: {{{{ dead_rows | count }}}} dead rows in part {number}"
"""


def write_home(home: Path, files: int, jobs: int) -> None:
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text("version: 1\nsinks: {screen: {type: stdout}}\n")
    for file in range(files):
        numbers = range(file * jobs + 1, (file + 1) * jobs + 1)
        text = "".join(_JOB.format(number=number, files=files * jobs) for number in numbers)
        (home / "checks.d" / f"group-{file}.yaml").write_text(
            f"title: Group {file}\nschedule: daily at 01:30\njobs:\n{text}"
        )


def other_command(home: Path) -> list[str] | None:
    """check-jsonschema in a folder of its own, installed once; None when it cannot be had."""
    program = OTHER_FOLDER / "bin" / "check-jsonschema"
    if not program.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", OTHER_FOLDER], check=True)
            subprocess.run([OTHER_FOLDER / "bin" / "pip", "-q", "install", OTHER], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{OTHER} cannot be installed, so there is no comparison: {error}", file=sys.stderr)
            return None
    schema = home / CHECKS_SCHEMA
    schema.write_text(schema_texts(PluginHost({}, no_plugins=True).registry())[CHECKS_SCHEMA])
    return [str(program), "--schemafile", str(schema), *map(str, sorted((home / "checks.d").iterdir()))]


def line(name: str, costs: Sequence[Cost]) -> str:
    walls = [each.wall for each in costs]
    processor, memory = median(each.processor for each in costs), median(each.memory for each in costs)
    return (
        f"{name:18} {median(walls):7.2f} s  {min(walls):7.2f} to {max(walls):.2f} s {processor:9.2f} s {memory:8.0f} MB"
    )


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--jobs", type=int, default=1, help="jobs in a file")
    given = parser.parse_args()
    files, rounds = (20, 1) if given.quick else (FILES, given.rounds)
    figures = Figures("validate", f"{files:,} files with {given.jobs} job(s) each; {rounds} processes", given.quick)
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        home = Path(folder)
        write_home(home, files, given.jobs)
        ours = [*own_command(), "--home", str(home), "validate"]
        other = None if given.quick else other_command(home)
        if other is None:
            figures.miss(f"there is no {OTHER} to compare with")
        cost(ours)
        # By turns, so that whatever else the machine does meets both alike.
        costs = [(cost(ours), cost(other) if other else None) for _ in range(rounds)]
    print(f"{figures.sizes} by turns, medians")
    print(f"{'':18} {'wall':>9}  {'fastest to slowest':>18} {'processor':>11} {'memory':>11}")
    print(line("runner validate", [mine for mine, _ in costs]))
    if theirs := [each for _, each in costs if each]:
        print(line("check-jsonschema", theirs))
        figures.versions["check-jsonschema"] = OTHER.rpartition("=")[2]
        figures.add_process("check-jsonschema on the same files", middle(theirs))
    figures.add_process("`runner validate`", middle([mine for mine, _ in costs]), seconds=LIMIT, memory=MEMORY)
    figures.write()


if __name__ == "__main__":
    main()
