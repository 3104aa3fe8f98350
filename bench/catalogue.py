"""What the preset `standard` costs on one database, beside its SQL in one psql session, and beside the peers' processes.

A process of `runner` begins cold, reads its home, connects, asks, judges and writes its history. check_postgres and
check_pgactivity start one process for each of the checks that they share with the catalogue; `runner` has those in one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from costs import ENVIRONMENT, Cost, cost, middle
from figures import Figures, arguments, version_of

from runner.api import Job
from runner.app.catalogue.entries import known_of
from runner.app.crontab import own_command
from runner.app.imports.mapping import CHECK_PGACTIVITY, CHECK_POSTGRES, Check
from runner.app.loading import load
from runner.demo.embedded import Server
from runner.kinds.check.spec import CheckSpec
from runner.model.sql_text import BoundQuery, bind

ROUNDS, TABLES = 7, 200
DATABASE = "shop"
AIM_PSQL, AIM_PEERS = 2.5, 15
PLUGINS = "/usr/lib/nagios/plugins"
_PLACEHOLDER = re.compile(r"\$(\d+)")

ACTIONS = {
    "archive_ready": "-w 10 -c 15", "autovac_freeze": "", "backends": "", "bloat": "", "commitratio": "-w 50%",
    "connection": "", "database_size": "-w 100GB -c 200GB", "disabled_triggers": "", "disk_space": "", "hitratio": "-w 50%",
    "last_vacuum": "", "locks": "", "prepared_txns": "", "query_time": "-w 5min -c 15min",
    "replication_slots": "-w 1GB -c 2GB", "sequence": "", "table_size": "-w 1GB -c 2GB", "timesync": "",
    "txn_idle": "-w 5min -c 15min", "txn_time": "-w 1h -c 6h", "txn_wraparound": "", "version": "-w 99.1",
    "wal_files": "-w 100 -c 200",
}  # fmt: skip
"""check_postgres: its actions for a primary without a pooler, and the thresholds without which it does not run."""
SERVICES = {
    "archiver": "-w 10 -c 15", "autovacuum": "", "backends": "-w 90% -c 95%", "btree_bloat": "-w 90% -c 95%",
    "checksum_errors": "", "commit_ratio": "", "configuration": "", "connection": "", "database_size": "-w 10GB -c 20GB",
    "extensions_versions": "", "hit_ratio": "-w 90% -c 80%", "invalid_indexes": "", "is_master": "",
    "last_vacuum": "-w 7d -c 14d", "locks": "-w 80% -c 90%", "longest_query": "-w 1h -c 6h",
    "max_freeze_age": "-w 110% -c 150%", "oldest_2pc": "-w 1h -c 6h", "oldest_idlexact": "-w 5m -c 15m",
    "oldest_xmin": "-w 1000000 -c 10000000", "replication_slots": "-w 1GB -c 2GB", "sequences_exhausted": "-w 80% -c 95%",
    "settings": "", "table_bloat": "-w 90% -c 95%", "table_unlogged": "", "uptime": "-w 15m", "wal_files": "-w 90% -c 95%",
}  # fmt: skip
"""check_pgactivity: likewise."""


@dataclass(frozen=True)
class Ours:
    """A home whose only group is what is measured."""

    path: Path
    server: Server

    def write(self, checks: Sequence[str]) -> list[str]:
        """The command that runs these checks."""
        (self.path / "checks.d").mkdir(parents=True)
        target = {**self.server.options(DATABASE), "databases": {"include": [DATABASE]}}
        settings = {"version": 1, "targets": {"main": target}, "sinks": {"screen": {"type": "stdout"}}}
        (self.path / "runner.yaml").write_text(json.dumps(settings))
        jobs = [{"use": check} for check in checks]
        (self.path / "checks.d" / "measured.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))
        return [*own_command(), "--home", str(self.path), "run", "measured", "--json"]


def fill(server: Server, tables: int) -> None:
    """Tables as applications have them: keys, indexes, sequences, foreign keys, rows that were analyzed."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}".encode())
    with psycopg.connect(server.dsn(DATABASE)) as connection:
        for number in range(tables):
            refers = f"references t{number - 1}" if number else ""
            connection.execute(f"create table t{number} (id serial primary key, other int {refers}, v text)".encode())
            connection.execute(f"create index on t{number} (other)".encode())
            connection.execute(f"insert into t{number} (v) select md5(n::text) from generate_series(1, 100) n".encode())
        connection.execute("analyze")


def standard() -> list[Job]:
    home = load(str(Path(__file__).resolve().parent.parent), no_plugins=True, environ={})
    return [item.job for item in known_of(home) if "preset.standard" in item.presets]


def same_sql(jobs: Sequence[Job], results: Sequence[Mapping[str, Any]], major: int) -> str:
    """What runner asked the server for checks that were not skipped, with their parameters put in."""
    looked = {result["job"] for result in results if result["state"] != "skipped"}
    texts = [
        text
        for job in jobs
        if job.name.rpartition(".")[2] in looked
        for text in _statements(job, major)
        if text.strip()
    ]
    return "".join(f"{text.rstrip().rstrip(';')}\n;\n" for text in texts)


def _statements(job: Job, major: int) -> Iterator[str]:
    spec = job.spec
    variants = [spec.sql, spec.detail] if isinstance(spec, CheckSpec) else []
    for sql in (job.applies_if, job.precondition, *(each.pick(major) for each in variants if each)):
        if sql:
            bound = bind(sql, job.params)
            yield _filled(bound)


def _filled(bound: BoundQuery) -> str:
    return _PLACEHOLDER.sub(lambda found: _literal(bound.values[int(found[1]) - 1]), bound.sql)


def _literal(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


def beside_psql(folder: Path, server: Server, rounds: int, figures: Figures) -> None:
    jobs = standard()[: 10 if figures.quick else None]
    ours = Ours(folder / "standard", server).write([job.name for job in jobs])
    states = frozenset({0, 1, 2, 3})
    began = time.perf_counter()
    first = subprocess.run(ours, env=ENVIRONMENT, check=False, capture_output=True)
    compiling = time.perf_counter() - began
    results = json.loads(first.stdout)["results"]
    print(f"preset.standard on {figures.sizes}, PostgreSQL {server.major}")
    psql = shutil.which("psql")
    if psql is None:
        figures.miss("psql is not installed, so there is nothing to compare with")
        return
    script = folder / "same.sql"
    script.write_text(same_sql(jobs, results, server.major))
    address = ["-h", str(server.sockets), "-p", str(server.port), "-U", "postgres", "-d", DATABASE]
    theirs = [psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, *address, "-f", str(script)]
    # By turns, so that whatever else the machine does meets all alike. runner switches the JIT compiler off, as it should be
    # for queries of the catalogues; psql has to be told.
    rows = [(cost(ours, fine=states), cost(theirs, PGOPTIONS="-c jit=off"), cost(theirs)) for _ in range(rounds)]
    mine, other, compiled = (middle(costs) for costs in zip(*rows, strict=True))
    print(f"  runner, {len(results)} checks       {mine}")
    print(f"  the first time, when all is compiled: {compiling * 1000:.0f} ms")
    ratio = f"runner takes {mine.wall / other.wall:.2f} times as long (aim: {AIM_PSQL})"
    print(f"  psql -f, the same SQL   {other}   {ratio}")
    print(f"  psql -f, with its JIT   {compiled}   {mine.wall / compiled.wall:.2f} times")
    figures.add(
        f"{len(results)} checks, cold, beside the same SQL with `psql -f`", mine.wall / other.wall, "times", AIM_PSQL
    )
    figures.add_process(f"{len(results)} checks, cold", mine)
    figures.add("`psql -f`, JIT off as with runner", other.wall, "s")
    figures.add("`psql -f`, JIT as it is by default", compiled.wall, "s")


def beside(
    name: str, program: str | None, shared: Mapping[str, list[str]], checks: Mapping[str, Any], ours: Ours,
    rounds: int, figures: Figures,
) -> None:  # fmt: skip
    """The sum of the peer's processes and our one, by turns."""
    if program is None:
        figures.miss(f"{name} is not installed, so there is nothing to compare with")
        return
    done = {
        action: subprocess.run(words, env=ENVIRONMENT, check=False, capture_output=True)
        for action, words in shared.items()
    }
    unfit = {
        action: end.stdout.decode().strip()[:90] for action, end in done.items() if end.returncode not in {0, 1, 2}
    }
    fit = [action for action in shared if action not in unfit]
    wanted = sorted({row.use for action in fit for row in _rows(checks[action])})
    command = ours.write(wanted)
    states, answered = frozenset({0, 1, 2, 3}), frozenset({0, 1, 2})
    cost(command, fine=states)
    pairs = [
        (cost(command, fine=states), sum((cost(shared[action], fine=answered) for action in fit), Cost()))
        for _ in range(rounds)
    ]
    mine, other = (middle(costs) for costs in zip(*pairs, strict=True))
    print(f"{name}: {len(fit)} of its checks, {len(wanted)} of the catalogue")
    for action, said in unfit.items():
        print(f"  left out, because it does not answer here: {action}: {said}")
    ratio = f"{other.wall / mine.wall:.1f} times as long (aim: {AIM_PEERS})"
    print(f"  runner, one process     {mine}")
    print(f"  {name}, {len(fit)} processes  {other}   {ratio}")
    times = f"the checks shared with {name} ({len(fit)} processes): times as fast"
    figures.versions[name] = version_of([program, "--version"])
    figures.add(times, other.wall / mine.wall, "times", AIM_PEERS, at_least=True)
    figures.add(f"{name}, {len(fit)} processes", other.wall, "s")


def _rows(row: object) -> list[Check]:
    rows = row if isinstance(row, tuple) else (row,)
    return [each for each in rows if isinstance(each, Check)]


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--pg-version", type=int, help="major version of the server")
    given = parser.parse_args()
    tables, rounds = (5, 1) if given.quick else (TABLES, given.rounds)
    figures = Figures("catalogue", f"one database of {tables} tables; {rounds} processes", given.quick)
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = Server.start(folder / "pg", {"shared_buffers": "128MB"}, version=given.pg_version)
        try:
            figures.versions["PostgreSQL"] = str(server.major)
            fill(server, tables)
            beside_psql(folder, server, rounds, figures)
            address = ["-h", str(server.sockets), "-p", str(server.port), "-U", "postgres"]
            perl = shutil.which("check_postgres")
            shared = {
                action: [perl or "", f"--action={action}", *_dashes(words), *_long(address), f"--dbname={DATABASE}"]
                for action, words in list(ACTIONS.items())[: 1 if given.quick else None]
            }
            beside("check_postgres", perl, shared, CHECK_POSTGRES, Ours(folder / "cp", server), rounds, figures)
            activity = shutil.which("check_pgactivity") or shutil.which("check_pgactivity", path=PLUGINS)
            shared = {
                service: [
                    activity or "",
                    "-s",
                    service,
                    *words.split(),
                    *address,
                    "-d",
                    DATABASE,
                    "--status-file",
                    str(folder / "pga"),
                ]
                for service, words in list(SERVICES.items())[: 1 if given.quick else None]
            }
            beside(
                "check_pgactivity",
                activity,
                shared,
                CHECK_PGACTIVITY,
                Ours(folder / "pga-home", server),
                rounds,
                figures,
            )
        finally:
            server.remove()
    figures.write()


def _dashes(words: str) -> list[str]:
    return words.replace("-w ", "--warning=").replace("-c ", "--critical=").split()


def _long(address: Sequence[str]) -> list[str]:
    return [f"--{name}={value}" for name, value in zip(("host", "port", "dbuser"), address[1::2], strict=True)]


if __name__ == "__main__":
    main()
