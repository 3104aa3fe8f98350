"""A vacuum night beside `vacuumdb --analyze` with as many connections: everything, and what 5 % of the tables need.

Both are whole processes, started by turns against the same server, each time after the same rows were updated.
`python bench/maintenance.py [--jobs 2] [--rounds 7] [--big 12] [--version 18]`; it starts a server of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
from costs import ENVIRONMENT
from figures import Figures, arguments
from load import Load, beside

from runner.app.crontab import own_command
from runner.demo.embedded import Server

SMALL, SMALL_ROWS, BIG, BIG_ROWS, ROUNDS = 500, 400, 4, 800_000, 7
EVERYTHING, NEEDED = 1.05, 5
SETTINGS = {"autovacuum": "off", "shared_buffers": "256MB", "maintenance_work_mem": "64MB", "max_wal_size": "4GB"}


@dataclass(frozen=True)
class Sizes:
    """How many tables with how many rows, and how often each way is measured."""

    small: int = SMALL
    big: int = BIG
    big_rows: int = BIG_ROWS
    rounds: int = ROUNDS
    alone: float = 4.0
    """Seconds of the application without a run."""


_FILLER = "repeat(md5(i::text), 3) as filler"


def small(number: int) -> str:
    return f"small_{number:03}"


def make_tables(connection: psycopg.Connection[tuple[object, ...]], sizes: Sizes) -> None:
    for number in range(sizes.small):
        make_table(connection, small(number), SMALL_ROWS)
    for number in range(sizes.big):
        make_table(connection, f"big_{number}", sizes.big_rows)


def make_table(connection: psycopg.Connection[tuple[object, ...]], name: str, rows: int) -> None:
    connection.execute(
        f"create table {name} as select i as id, i % 1000 as k, {_FILLER} from generate_series(1, {rows}) i"
    )  # type: ignore[arg-type]
    connection.execute(f"create unique index on {name} (id)")  # type: ignore[arg-type]
    connection.execute(f"create index on {name} (k)")  # type: ignore[arg-type]


def wear(dsn: str, tables: Sequence[str], share: int) -> None:
    """Updates one row of `share` in each table, and waits until the server's counters show it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in tables:
            connection.execute(f"update {name} set k = k + 1 where id % {share} = 0")  # type: ignore[arg-type]
        connection.execute("checkpoint")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in tables:
            while not connection.execute("select pg_stat_get_dead_tuples(%s::regclass)", (name,)).fetchone()[0]:  # type: ignore[index]
                time.sleep(0.05)


def write_home(home: Path, jobs: int) -> None:
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text("version: 1\n")
    for name, tables in (("everything", "all"), ("needed", "needed")):
        step = f"{{tables: {tables}, analyze: true, jobs: {jobs}}}"
        (home / "checks.d" / f"{name}.yaml").write_text(f"maintenance: {name}\nsteps:\n  - vacuum: {step}\n")


def seconds(words: Sequence[str], environment: dict[str, str]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(words, check=True, env={**ENVIRONMENT, **environment}, capture_output=True, text=True)
    return time.perf_counter() - began, done.stdout


def vacuumed_since(dsn: str, before: dict[str, int]) -> set[str]:
    return {name for name, count in counts(dsn).items() if count > before[name]}


def counts(dsn: str) -> dict[str, int]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return dict(connection.execute("select relname, vacuum_count from pg_stat_user_tables").fetchall())


def compare(rounds: int, prepare: Callable[[], None], ways: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Seconds of each way, by turns; who begins changes from round to round."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            prepare()
            found[name].append(ways[name]())
    return found


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--big", type=int, default=BIG, help="tables of 800,000 rows, beside 500 small ones")
    parser.add_argument("--version", type=int, default=None)
    chosen = parser.parse_args()
    sizes = (
        Sizes(small=20, big=1, big_rows=20_000, rounds=1, alone=0.5)
        if chosen.quick
        else Sizes(rounds=chosen.rounds, big=chosen.big)
    )
    what = f"{sizes.small} tables of {SMALL_ROWS} rows and {sizes.big} of {sizes.big_rows:,}"
    figures = Figures("maintenance", f"{what}, {chosen.jobs} connections; {sizes.rounds} processes", chosen.quick)
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        Path(folder).chmod(0o755)
        server = Server.start(Path(folder) / "pg", SETTINGS, version=chosen.version)
        try:
            figures.versions["PostgreSQL"] = str(server.major)
            measure(server, Path(folder), chosen.jobs, sizes, figures)
        finally:
            server.remove()
    figures.write()


def measure(server: Server, folder: Path, jobs: int, sizes: Sizes, figures: Figures) -> None:
    dsn = server.dsn("bench")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create database bench")
    with psycopg.connect(dsn, autocommit=True) as connection:
        make_tables(connection, sizes)
        connection.execute("vacuum analyze")
    home = folder / "home"
    home.mkdir()
    write_home(home, jobs)
    options = server.options("bench")
    environment = {
        f"DATABASE_{name}": options[key]
        for name, key in (("HOST", "host"), ("PORT", "port"), ("NAME", "dbname"), ("USER", "user"))
    }
    vacuumdb = [str(server.installation.folder / "vacuumdb"), "--analyze", "--quiet", f"--jobs={jobs}", "--dbname", dsn]
    every = [*(small(number) for number in range(sizes.small)), *(f"big_{number}" for number in range(sizes.big))]
    some = [small(number) for number in range(0, sizes.small, 20)]

    def by_vacuumdb() -> float:
        return seconds(vacuumdb, {})[0]

    work: dict[str, list[float]] = {"everything": [], "needed": []}

    def by_runner(job: str, expected: Sequence[str]) -> Callable[[], float]:
        def run() -> float:
            before = counts(dsn)
            took, said = seconds([*own_command(), "run", job, "--format", "json", "--home", str(home)], environment)
            missed = set(expected) - vacuumed_since(dsn, before)
            if missed:
                raise SystemExit(f"{len(missed)} tables were left out: {sorted(missed)[:5]}\n{said}")
            work[job].append(json.loads(said)["results"][0]["observations"][-1]["values"]["seconds"])
            return took

        return run

    version = server.installation.version
    print(f"PostgreSQL {version[0]}.{version[1]}, {figures.sizes} by turns, medians")
    rounds = sizes.rounds
    whole = compare(
        rounds,
        lambda: wear(dsn, every, 5),
        {"vacuumdb --analyze": by_vacuumdb, "runner, tables: all": by_runner("everything", every)},
    )
    show("every table has 20 % dead rows", whole, work["everything"])
    theirs, ours = (median(times) for times in whole.values())
    figures.add("`tables: all`, the work, beside vacuumdb", median(work["everything"]) / theirs, "times", EVERYTHING)
    figures.add("`tables: all`, the whole process, beside vacuumdb", ours / theirs, "times")
    few = compare(
        rounds,
        lambda: wear(dsn, some, 2),
        {"vacuumdb --analyze": by_vacuumdb, "runner, tables: needed": by_runner("needed", some)},
    )
    show(f"{len(some)} of {len(every)} tables need it", few, work["needed"])
    theirs, ours = (median(times) for times in few.values())
    quicker = theirs / median(work["needed"])
    figures.add(
        f"`tables: needed`, {len(some)} of {len(every)}: times as fast", quicker, "times", NEEDED, at_least=True
    )
    figures.add("`tables: needed`, the whole process: times as fast", theirs / ours, "times")
    under_load(server, folder, every, by_runner("everything", every), sizes)


def show(title: str, found: dict[str, list[float]], work: Sequence[float]) -> None:
    theirs, ours = (median(times) for times in found.values())
    print(f"\n{title}")
    for name, times in found.items():
        print(f"  {name:24} {median(times):6.2f} s   (from {min(times):.2f} to {max(times):.2f})")
    print(
        f"  {'of it the work alone':24} {median(work):6.2f} s   (without starting Python, reading the home, recording)"
    )
    for name, mine in (("the process", ours), ("the work", median(work))):
        print(f"  {name} takes {mine / theirs:.2f} times as long as vacuumdb, it is {theirs / mine:.1f} times as fast")


def under_load(server: Server, folder: Path, tables: Sequence[str], run: Callable[[], float], sizes: Sizes) -> None:
    """What pgbench measures without a run and during one: its slowest transactions."""
    program = server.installation.folder / "pgbench"
    if not program.exists():
        print(f"\nan application beside it is not measured: there is no {program}")
        return
    script = folder / "update.sql"
    script.write_text(f"\\set id random(1, {sizes.big_rows})\nupdate big_0 set k = k + 1 where id = :id;\n")
    wear(server.dsn("bench"), tables, 5)
    print("\npgbench with 4 clients and 200 updates by key a second, the slowest and the 99th percentile")
    for name, work in (("alone", lambda: time.sleep(sizes.alone)), ("during tables: all", run)):
        times = beside(Load(program, server.dsn("bench"), ["-f", str(script)]), work)
        print(
            f"  {name:24} {times[-1] * 1000:6.0f} ms   {times[len(times) * 99 // 100] * 1000:6.1f} ms   of {len(times)}"
        )


if __name__ == "__main__":
    sys.exit(main())
