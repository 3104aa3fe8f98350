"""A result of 100,000 rows, each judged by two thresholds of which one looks at its past, as one whole process."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from costs import by_turns, cost
from figures import Figures, arguments

from runner.app.crontab import own_command
from runner.demo.embedded import Server

ROWS, ROUNDS = 100_000, 5
AIM, MEMORY = 1.5, 300


def write_home(home: Path, server: Server, rows: int) -> list[str]:
    (home / "checks.d").mkdir(parents=True)
    settings = {
        "version": 1,
        "targets": {"main": server.options()},
        "sinks": {"log": {"type": "log_file", "path": "log"}},
    }
    (home / "runner.yaml").write_text(json.dumps(settings))
    job = {
        "check": "rows",
        "key": ["name"],
        "columns": {"size": "bytes", "dead": "count"},
        "sql": f"select 'table_' || n as name, n * 8192 as size, n % 1000 as dead from generate_series(1, {rows}) n",
        "warning": "dead > 5_000 and dead > 20% of size",
        "critical": "delta(size) > 1GB",
    }
    (home / "checks.d" / "rows.yaml").write_text(json.dumps(job))
    return [*own_command(), "--home", str(home), "run", "rows"]


def main() -> None:
    given = arguments(__doc__, ROUNDS).parse_args()
    rows, rounds = (1000, 1) if given.quick else (ROWS, given.rounds)
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = Server.start(folder / "pg")
        try:
            words = write_home(folder / "home", server, rows)
            fine = frozenset({0, 1, 2, 3})
            # The first time there is no past to look at.
            cost(words, fine=fine)
            (found,) = by_turns(rounds, words, fine=fine)
        finally:
            server.remove()
    figures = Figures("rows", f"{rows:,} rows, two thresholds of which one has a past; {rounds} processes", given.quick)
    figures.versions["PostgreSQL"] = str(server.major)
    figures.add_process("`runner run`, the whole process", found, seconds=AIM, memory=MEMORY)
    figures.write()
    print(f"{rows:,} rows, two thresholds, one with a past: {found} (aim: {AIM} s, {MEMORY} MB)")


if __name__ == "__main__":
    main()
