"""A tick on 500 targets of which 50 are down, a check that returns a million rows, and one that hangs.

Half of the targets that are down refuse, half take the connection and say nothing. The tick may take the time of one connection
that is given up longer than a tick without them; the others may not be held up by more than that.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
from costs import Cost, cost
from figures import Figures, arguments

from runner.app.crontab import own_command
from runner.demo.embedded import Server

TARGETS, DOWN, ROWS, TIMEOUT, HANGS = 500, 50, 1_000_000, 5, 3
MEMORY, MEMORY_OF_ROWS = 250, 300
FINE = frozenset({0, 1, 2, 3})
Address = Mapping[str, object]


def write_home(home: Path, targets: Mapping[str, Address], jobs: list[dict[str, object]]) -> list[str]:
    (home / "checks.d").mkdir(parents=True)
    settings = {"version": 1, "targets": targets, "sinks": {"log": {"type": "log_file", "path": str(home / "log")}}}
    (home / "runner.yaml").write_text(json.dumps(settings))
    (home / "checks.d" / "stress.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))
    return [*own_command(), "--home", str(home), "run", "stress"]


def states(home: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """What became of each job on each target, and how many seconds after the first it was done."""
    with closing(sqlite3.connect(home / ".runner" / "state.db")) as store:
        rows = store.execute("select job, target, state, finished from runs where status = 'done'").fetchall()
    ended = {(job, target): (state, datetime.fromisoformat(at).timestamp()) for job, target, state, at in rows}
    first = min(at for _, at in ended.values())
    return {name: (state, at - first) for name, (state, at) in ended.items()}


def fleet(folder: Path, server: Server, figures: Figures, count: int, down: int) -> None:
    wait = 2 if figures.quick else TIMEOUT
    plain = {"check": "answers", "sql": "select 1 as n", "warning": "n > 1"}
    alive: dict[str, Address] = {f"alive-{number}": server.options() for number in range(count - down)}
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1000) as silent,
        closing(socket.create_server(("127.0.0.1", 0))) as shut,
    ):
        ports = [silent.getsockname()[1], shut.getsockname()[1]]
        shut.close()
        away = {
            f"away-{number}": {
                "host": "127.0.0.1", "user": "x", "dbname": "x", "port": ports[number % 2], "connect_timeout": wait,
            }
            for number in range(down)
        }  # fmt: skip
        # Those that are down stand among the others.
        names = sorted(
            [*alive, *away], key=lambda name: int(name.rpartition("-")[2]) * (count // down if name in away else 1)
        )
        both = {name: {**alive, **away}[name] for name in names}
        without = cost(write_home(folder / "alive", alive, [plain]), fine=FINE)
        found = cost(write_home(folder / "both", both, [plain]), fine=FINE)
    became = states(folder / "both")
    wrong = [name for (_, name), (state, _) in became.items() if (state == "ok") != name.startswith("alive")]
    if len(became) != count or wrong:
        raise SystemExit(f"{count - len(became)} targets have no result, and {len(wrong)} a wrong one: {wrong[:5]}")
    last = max(at for (_, name), (_, at) in became.items() if name.startswith("alive"))
    print(f"{count} targets, {down} of them down, {wait} s for a connection: {found}")
    print(f"  without those that are down: {without}; the last of the others was done after {last:.1f} s")
    figures.add(
        f"{down} of {count} targets are down: how much longer the tick takes",
        found.wall - without.wall,
        "s",
        wait + 2,
    )
    figures.add("the same: how much later the last of the others is done", max(0.0, last - without.wall), "s", wait)
    figures.add("the same: memory", found.memory, "MB", MEMORY)


def many_rows(folder: Path, server: Server, figures: Figures, rows: int) -> None:
    job: dict[str, object] = {
        "check": "many", "key": ["name"], "columns": {"size": "bytes"}, "warning": "size > 1TB",
        "sql": f"select 'table_' || n as name, n * 8192::int8 as size from generate_series(1, {rows}) n",
    }  # fmt: skip
    words = [*write_home(folder / "rows", {"main": server.options()}, [job]), "--json"]
    found: Cost = cost(words, fine=FINE)
    with closing(sqlite3.connect(folder / "rows" / ".runner" / "state.db")) as store:
        ((text,),) = store.execute("select data from results").fetchall()
        ((kept,),) = store.execute("select count(*) from samples").fetchall()
    notes = json.loads(text)["outcome"].get("notes", [])
    print(f"a check that returns {rows:,} rows: {found}; {kept:,} are kept, it says {notes}")
    if kept < rows and not notes:
        raise SystemExit("rows were cut and nothing says so")
    figures.add(f"a check returns {rows:,} rows", found.wall, "s")
    figures.add("the same: memory", found.memory, "MB", MEMORY_OF_ROWS)


def hangs(folder: Path, server: Server, figures: Figures) -> None:
    allowed = 1 if figures.quick else HANGS
    limit = {"statement_timeout": f"{allowed}s"}
    jobs: list[dict[str, object]] = [
        {"check": "sleeps", "sql": "select count(pg_sleep(600)) as n", "warning": "n > 1", **limit},
        {"check": "waits", "sql": "select count(*) as n from held", "warning": "n > 1", **limit},
        *({"check": f"answers-{number}", "sql": "select 1 as n", "warning": "n > 1"} for number in range(20)),
    ]
    words = write_home(folder / "hangs", {"main": server.options()}, jobs)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create table held (a int)")
        connection.execute("begin")
        connection.execute("lock table held in access exclusive mode")
        began = time.perf_counter()
        cost(words, fine=FINE)
        took = time.perf_counter() - began
    became = states(folder / "hangs")
    bad = sorted(name for (name, _), (state, _) in became.items() if state != "ok")
    print(f"one check sleeps, one waits for a lock, 20 others: {took:.1f} s; could not look: {bad}")
    if bad != ["sleeps", "waits"]:
        raise SystemExit("others than those that hang could not look")
    figures.add(f"a check sleeps ({allowed} s allowed), one waits for a lock", took, "s", allowed + 3)


def main() -> None:
    given = arguments(__doc__, 1).parse_args()
    count, down, rows = (24, 4, 20_000) if given.quick else (TARGETS, DOWN, ROWS)
    figures = Figures("stress", f"{count} targets, {down} of them down, 4 at once; {rows:,} rows", given.quick)
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = Server.start(folder / "pg", {"shared_buffers": "128MB"})
        figures.versions["PostgreSQL"] = str(server.major)
        try:
            fleet(folder, server, figures, count, down)
            many_rows(folder, server, figures, rows)
            hangs(folder, server, figures)
        finally:
            server.remove()
    figures.write()


if __name__ == "__main__":
    main()
