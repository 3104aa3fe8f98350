"""The store after a year of 200 checks that run hourly: what a tick writes, what `runner status` costs, how large it is.

The first and the last ticks are written by the store itself, and after every five days it prunes, with the settings of a home that
says nothing. The ticks between them are copies of the first with other times, made by SQL in the same file.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from costs import cost, middle
from figures import Figures, arguments

from runner.api import Column, Dimension, Job, Observation, Outcome, Report, Result, Series
from runner.app.crontab import own_command
from runner.app.loading import load
from runner.engine.claims import new_run
from runner.model.codec import instant
from runner.model.home import Settings
from runner.store.base import Claim, Recorded, Store
from runner.store.open import open_store

CHECKS, HOURS, ROUNDS = 200, 365 * 24, 15
ROWS = (1, 1, 1, 10)
"""Rows that checks see, by turns."""
WRITE, STATUS, SIZE = 50, 200, 500
EVERY = 120
"""Hours between two prunings."""

COPIES = (
    """insert into runs
        (id, run, job, kind, "group", target, slot, attempt, tick, status, state, summary, started, finished, report)
    select id + :runs, lower(hex(randomblob(16))), job, kind, "group", target, :at, 1, 'tick', status,
        state, summary, :at, :at, :report from first_runs""",
    "insert into results (run, data) select run + :runs, replace(data, :zero, :at) from first_results",
    "insert into batches (id, run, subject, at) select id + :batches, run + :runs, subject, :at from first_batches",
    """insert into samples (batch, series, place, data)
    select batch + :batches, series, place, data from first_samples""",
    "insert into reports (id, created, data) select :report, :at, replace(data, :zero, :at) from first_reports",
    """insert into deliveries (id, report, sink, state, attempts, next_try, expires, error, "group")
    select :report || ':log', :report, sink, 'done', 1, null, null, '', "group" from first_deliveries""",
)


@dataclass
class Year:
    """A store that is being filled; every tick has the same checks."""

    home: Path
    jobs: Sequence[Job]
    end: datetime
    hours: int

    @property
    def file(self) -> Path:
        return self.home / ".runner" / "state.db"

    def at(self, hour: int) -> datetime:
        return self.end - timedelta(hours=self.hours - hour)

    def store(self) -> Store:
        return open_store("sqlite:.runner/state.db", self.home)

    def fill(self) -> float:
        """Seconds of all prunings together."""
        with self.store() as store:
            tick(store, self.jobs, self.at(0))
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("pragma synchronous = off")
        connection.execute("pragma foreign_keys = off")
        connection.execute("update deliveries set state = 'done', next_try = null")
        # What is pruned must not be the pattern: it is kept in tables of its own.
        for table in ("runs", "results", "batches", "samples", "reports", "deliveries"):
            connection.execute(f"create temp table first_{table} as select * from main.{table}")
        pruning = 0.0
        for start in range(1, self.hours, EVERY):
            self._copy(connection, range(start, min(start + EVERY, self.hours)))
            pruning += self._prune(self.at(min(start + EVERY, self.hours)))
        connection.execute(
            "update newest set run = (select max(id) from runs r where r.job = newest.job and r.target = newest.target)"
        )
        connection.close()
        return pruning

    def _copy(self, connection: sqlite3.Connection, hours: range) -> None:
        count = len(self.jobs)
        connection.execute("begin immediate")
        (newest,) = connection.execute("select max(id) from batches").fetchone()
        for number, hour in enumerate(hours):
            at = instant(self.at(hour))
            values = {
                "runs": count * hour, "batches": newest + count * number, "at": at, "zero": instant(self.at(0)),
                "report": f"year-{at}",
            }  # fmt: skip
            for statement in COPIES:
                connection.execute(statement, values)
        connection.execute(
            "update newest set run = (select max(id) from runs r where r.job = newest.job and r.target = newest.target)"
        )
        connection.execute("commit")

    def _prune(self, now: datetime) -> float:
        kept = Settings()
        began = time.perf_counter()
        with self.store() as store:
            while done := store.prune(
                now, kept.keep_samples, kept.keep_runs, keep_hourly=kept.keep_hourly, keep_daily=kept.keep_daily
            ):
                if done.finished:
                    break
        return time.perf_counter() - began


def tick(store: Store, jobs: Sequence[Job], slot: datetime) -> float:
    """Milliseconds in which the store writes what a tick found: its claims, its results, and its report."""
    claims = [
        Claim(
            run=new_run(), job=job.name, kind=job.kind, group=job.group, target="main", slot=slot, tick="tick", now=slot,
            digest="d",
        )
        for job in jobs
    ]  # fmt: skip
    results = [
        result_of(job, claim.run, slot, number) for number, (job, claim) in enumerate(zip(jobs, claims, strict=True))
    ]
    report = Report(
        id=f"year-{instant(slot)}", group="year", title="Year", slot=slot, created=slot, results=tuple(results)
    )
    began = time.perf_counter()
    store.claim(*claims)
    store.record(
        [Recorded(result=result) for result in results], report=report, deliveries=[("log", slot + timedelta(days=1))],
        now=slot,
    )  # fmt: skip
    store.tick("tick", slot, {"due": len(claims)})
    return (time.perf_counter() - began) * 1000


def result_of(job: Job, run: str, slot: datetime, number: int) -> Result:
    rows = [
        Series("", (f"table_{row}",) if ROWS[number % len(ROWS)] > 1 else ()) for row in range(ROWS[number % len(ROWS)])
    ]
    outcome = Outcome(
        summary=f"{len(rows)} rows within their limits",
        observations=tuple(
            Observation(series=series, values={"size": 81920.0 + number, "dead_rows": 17.0}) for series in rows
        ),
        columns=(Column(name="size", dimension=Dimension.BYTES), Column(name="dead_rows", dimension=Dimension.NUMBER)),
    )
    return Result(
        run=run, job=job.name, kind=job.kind, group=job.group, title="", target="main", slot=slot, started=slot,
        finished=slot + timedelta(seconds=1), outcome=outcome,
    )  # fmt: skip


def write_home(home: Path, checks: int) -> list[str]:
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text(
        "version: 1\ntargets: {main: {host: /nowhere}}\nsinks: {log: {type: log_file, path: log}}\n"
    )
    jobs = "".join(
        f"  - check: number-{number}\n    sql: select 1 as n\n    warning: n > 1\n" for number in range(checks)
    )
    (home / "checks.d" / "year.yaml").write_text(f"schedule: hourly\njobs:\n{jobs}")
    return [*own_command(), "--home", str(home), "status"]


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--days", type=int, default=HOURS // 24)
    given = parser.parse_args()
    checks, hours, rounds = (10, 500, 2) if given.quick else (CHECKS, given.days * 24, given.rounds)
    figures = Figures("store", f"{checks} checks, every hour for {hours / 24:,.0f} days", given.quick)
    figures.versions["SQLite"] = sqlite3.sqlite_version
    with tempfile.TemporaryDirectory(prefix="runner-bench-") as folder:
        home = Path(folder)
        status = write_home(home, checks)
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        year = Year(home, load(str(home), environ={}).home.jobs, end - timedelta(hours=rounds), hours)
        began = time.perf_counter()
        pruning = year.fill()
        filling = time.perf_counter() - began
        with year.store() as store:
            writes = [tick(store, year.jobs, year.end + timedelta(hours=hour)) for hour in range(rounds)]
        size = sum(file.stat().st_size for file in year.file.parent.glob("state.db*")) / 1e6
        fine = frozenset({0, 1, 2, 3})
        costs = [cost(status, fine=fine) for _ in range(rounds)]
    found = middle(costs[1:] or costs)
    print(f"{figures.sizes}; filled in {filling:.0f} s, of which pruning {pruning:.1f} s")
    print(f"  a tick's write   {median(writes):.0f} ms ({min(writes):.0f} to {max(writes):.0f}; aim: {WRITE})")
    print(f"  runner status    {found} (aim: {STATUS} ms)")
    print(f"  the file         {size:.0f} MB (aim: {SIZE})")
    figures.add("what a tick writes", median(writes), "ms", WRITE)
    figures.add("`runner status`, the whole process", found.wall * 1000, "ms", STATUS)
    figures.add("the file", size, "MB", SIZE)
    figures.add("pruning, a day of it", pruning / hours * 24 * 1000, "ms")
    figures.write()


if __name__ == "__main__":
    main()
