"""What handing runs out costs: 10,000 due runs of one tick, and workers beside a tick that performs all by itself.

The databases are on one server that is reached by several names, so that it counts as so many servers: workers take a batch for
each. The CPU of the store's server is read from /proc; what workers need is told apart from what the same runs need in a tick.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from costs import ENVIRONMENT, Cost, cost

from runner.app.crontab import own_command
from runner.demo.embedded import Server
from runner.store.open import open_store

ROOT = Path(__file__).parents[1]
NAMES, DATABASES, CHECKS, WAVES = 20, 100, 20, 3
HANDED_TARGETS, HANDED_SERVERS, HANDED_CHECKS = 1000, 200, 10
PLUGIN = "from runner_procrastinate import __runner_api__, runner_register_executors\n"
PATHS = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins' / 'runner-procrastinate'}"}
_TICKS = os.sysconf("SC_CLK_TCK")


def write_home(
    home: Path, store: Server, name: str, targets: Mapping[str, object], checks: int, executor: bool
) -> None:
    (home / "checks.d").mkdir(parents=True)
    (home / "plugins").mkdir()
    with psycopg.connect(store.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {name} encoding 'UTF8' template template0".encode())
    url = f"postgresql://postgres@/{name}?host={store.sockets}&port={store.port}"
    settings = {
        "version": 1,
        "state": url,
        "targets": targets,
        "sinks": {"log": {"type": "log_file", "path": "log"}},
        **({"executor": {"type": "runner.procrastinate", "dsn": url, "poll": 0.2}} if executor else {}),
    }
    (home / "runner.yaml").write_text(json.dumps(settings))
    if executor:
        (home / "plugins" / "queue.py").write_text(PLUGIN)
    jobs = [
        {"check": f"n{number}", "sql": f"select {number} as n", "columns": {"n": "count"}, "warning": "n > 100_000"}
        for number in range(checks)
    ]
    (home / "checks.d" / "fleet.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))
    if executor:
        cost(command(home, "worker", "--setup"), **PATHS)
    cost(command(home, "run-due", "--now", "2027-01-01T00:10Z"), **PATHS)


def command(home: Path, *words: str) -> list[str]:
    return [*own_command(), "--home", str(home), *words]


def at(hour: int) -> tuple[str, str]:
    """Each wave an hour later than the one before."""
    return "--now", f"2027-01-01T{hour:02}:00:05Z"


def handing_out(folder: Path, store: Server) -> None:
    targets = {
        f"t{number:04}": {"host": f"db{number % HANDED_SERVERS}", "dbname": f"d{number}"}
        for number in range(HANDED_TARGETS)
    }
    home = folder / "handed"
    write_home(home, store, "handed", targets, HANDED_CHECKS, executor=True)
    before = processor_of(store)
    took = cost(command(home, "run-due", *at(1)), **PATHS)
    spent = processor_of(store) - before
    runs = HANDED_TARGETS * HANDED_CHECKS
    print(f"handing out {runs:,} runs for {HANDED_SERVERS} servers: {took}; the store's server {spent:.2f} s")


def performing(folder: Path, store: Server, watched: Server, places: list[str], databases: int, checks: int) -> None:
    targets = {
        f"t{number}": {"host": places[number % len(places)], "port": str(watched.port), "user": "postgres", "dbname": f"d{number}"}
        for number in range(databases)
    }  # fmt: skip
    runs = databases * checks
    local = folder / "local"
    write_home(local, store, "local", targets, checks, executor=False)
    before = processor_of(store)
    ticks = [cost(command(local, "run-due", *at(hour)), **PATHS) for hour in range(1, 1 + WAVES)]
    told("one tick by itself", runs * WAVES, sum(ticks, Cost()), processor_of(store) - before)
    for workers in (1, 2, 4):
        home = folder / f"fleet{workers}"
        write_home(home, store, f"fleet{workers}", targets, checks, executor=True)
        before = processor_of(store)
        ticks = [cost(command(home, "run-due", *at(1)), **PATHS)]
        began, handed = time.perf_counter(), Cost()
        processes = [
            subprocess.Popen(
                command(home, "worker", "--jobs", "2"), env={**ENVIRONMENT, **PATHS}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for _ in range(workers)
        ]  # fmt: skip
        done(home, 1, runs)
        # The first wave has the start of the workers in it.
        used = {process.pid: processor_of_process(process.pid) for process in processes}
        before, began = processor_of(store), time.perf_counter()
        for wave in range(2, 2 + WAVES):
            handed += cost(command(home, "run-due", *at(wave)), **PATHS)
            done(home, wave, runs)
        wall = time.perf_counter() - began
        spent = sum(processor_of_process(process.pid) - used[process.pid] for process in processes)
        told(f"{workers} workers", runs * WAVES, Cost(wall, spent + handed.processor), processor_of(store) - before)
        print(f"    of that {handed.processor / (runs * WAVES) * 1000:.2f} ms a run in run-due")
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def done(home: Path, waves: int, runs: int) -> None:
    """Waits until so many waves are told."""
    url = json.loads((home / "runner.yaml").read_text())["state"]
    with open_store(url, home) as store:
        while True:
            if (
                not store.running()
                and not store.unreported()
                and len(store.runs(status="done", limit=10**6)) >= waves * runs
            ):
                return
            time.sleep(0.1)


def told(name: str, runs: int, used: Cost, store: float) -> None:
    print(
        f"  {name}: {runs:,} runs in {used.wall:.1f} s, {runs / used.wall:.0f} a second;"
        f" CPU a run {used.processor / runs * 1000:.2f} ms here, {store / runs * 1000:.2f} ms in the store's server"
    )


def processor_of(server: Server) -> float:
    """Seconds of the processor that the server and all its processes used, those that ended included."""
    pids = [server.pid, *children(server.pid)]
    return sum(processor_of_process(pid, ended=True) for pid in pids if pid)


def children(pid: int | None) -> list[int]:
    found = []
    for task in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = task.read_text().rpartition(")")[2].split()
            if int(words[1]) == pid:
                found.append(int(task.parent.name))
    return found


def processor_of_process(pid: int, *, ended: bool = False) -> float:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, words[11:15] if ended else words[11:13])) / _TICKS
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=int, default=DATABASES)
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    given = parser.parse_args()
    databases, checks = (20, 2) if given.quick else (given.databases, CHECKS)
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        places = [str(folder / f"s{number}") for number in range(NAMES)]
        for each in places:
            Path(each).mkdir(mode=0o777)
            Path(each).chmod(0o777)
        store = Server.start(folder / "store", {"shared_buffers": "128MB"})
        watched = Server.start(folder / "pg", {"shared_buffers": "128MB"})
        try:
            watched.configure({"unix_socket_directories": ", ".join([str(watched.sockets), *places])})
            watched.restart()
            with psycopg.connect(watched.dsn(), autocommit=True) as connection:
                for number in range(databases):
                    connection.execute(f"create database d{number} template template0".encode())
            handing_out(folder, store)
            print(
                f"{checks} checks on each of {databases} databases behind {NAMES} names, {WAVES} waves, PostgreSQL {store.major}"
            )
            performing(folder, store, watched, places, databases, checks)
        finally:
            watched.remove()
            store.remove()


if __name__ == "__main__":
    main()
