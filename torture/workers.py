"""Two hosts whose clocks differ, four workers that are killed, a store that is restarted, a line that is cut; then it is judged.

python -m torture.workers --ticks 200 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from runner.demo.embedded import Server
from runner.store.base import Store
from runner.store.open import open_store
from torture.ground import BEGIN, CHECKS, EVERY_MINUTE, MINUTE, NOTE, PLUGIN, prepare, url_of
from torture.judge import Verdict, judge
from torture.shifted import VARIABLE, time_at

ROOT = Path(__file__).parents[1]
APART = 90.0
WORKERS = 4
DOUBT = 75.0
"""Seconds for which locks count as held after the store's server came back, and some more."""
JOBS = {
    "checks": CHECKS,
    "upkeep": 'schedule: "*/5 * * * *"\nmaintenance: tidy\nsteps:\n  - vacuum: {tables: [public.level]}\n',
    "plain": f"{EVERY_MINUTE}command: plain\nshell: '{NOTE}; sleep 0.1'\n",
    "again": f"{EVERY_MINUTE}command: again\nretry: {{times: 1, wait: 0s}}\nshell: '{NOTE}'\n",
    "strict": 'schedule: "*/10 * * * *"\ncatch_up: no\ntorture.mark: strict\n',
}
ON_TARGETS = {"level": 1, "sizes": 1, "tidy": 5}
ON_HOST = {"plain": 1, "again": 1, "strict": 10}
ONCE = ("plain", "strict")
EXECUTOR = "from runner_procrastinate import __runner_api__, runner_register_executors\n"


class Fleet:
    """Homes `a` and `b` with the same files; `b` reaches store and queue over a line, and its clock is ahead."""

    def __init__(self, folder: Path, targets: int, speed: float, seed: int) -> None:
        self.folder, self.speed, self.random = folder, speed, Random(seed)
        self.path = folder / "a"
        self.watched = [Server.start(folder / f"watched{number}") for number in range(2)]
        self.keeper = Server.start(folder / "keeper", {"fsync": "on"})
        self.names = [f"t{number:02}" for number in range(targets)]
        self.port = _free_port()
        self.began = time.time()
        self.line: subprocess.Popen[bytes] | None = None
        self.complaints: list[str] = []
        self.happened: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.ticks: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.workers: list[tuple[str, subprocess.Popen[bytes]] | None] = [None] * WORKERS
        self.asleep: list[int] = []
        self._prepare()

    # ---- what the judge asks

    @property
    def now(self) -> datetime:
        return time_at(self.began, self.speed)

    def opened(self) -> Store:
        return open_store(self.store, self.path)

    # ---- the ground

    def _prepare(self) -> None:
        with psycopg.connect(self.keeper.dsn(), autocommit=True) as connection:
            connection.execute("create database fleet encoding 'UTF8' template template0")
        for number, name in enumerate(self.names):
            server = self._server(number)
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                connection.execute(f"create database {name}".encode())
            prepare(server.options(name))
        self.store = url_of(self.keeper.options("fleet"))
        far = url_of({**self.keeper.options("fleet"), "host": "127.0.0.1", "port": str(self.port)})
        for name, store in (("a", self.store), ("b", far)):
            home = self.folder / name
            for each in ("checks.d", "plugins"):
                (home / each).mkdir(parents=True)
            (home / ".env").write_text(f"STORE={store}\n")
            (home / "runner.yaml").write_text(self._settings())
            (home / "plugins" / "torture.py").write_text(PLUGIN)
            (home / "plugins" / "queue.py").write_text(EXECUTOR)
            for job, text in JOBS.items():
                (home / "checks.d" / f"{job}.yaml").write_text(text.replace(">> begun", f">> {self.path}/begun"))
        (self.path / "phases").mkdir()
        self.mend_line()
        done = self._start("a", "worker", "--setup")
        said, _ = done.communicate()
        assert done.returncode == 0, said

    def _server(self, number: int) -> Server:
        return self.watched[number % len(self.watched)]

    def _settings(self) -> str:
        targets = {
            name: {**self._server(number).options(name), "connect_timeout": 5} for number, name in enumerate(self.names)
        }
        return (
            "version: 1\nallow: [command]\nstate: ${STORE}\n"
            "executor: {type: runner.procrastinate, dsn: '${STORE}', poll: 0.5, patience: 3h}\n"
            f"targets: {json.dumps(targets)}\n"
            f"sinks:\n  log: {{type: log_file, path: {self.path}/reports.jsonl, format: json_lines}}\n"
            "  ids: {type: torture.ids}\n"
        )

    # ---- processes

    def _start(self, host: str, *words: str) -> subprocess.Popen[bytes]:
        shift = APART if host == "b" else 0.0
        environment = {
            **os.environ,
            "TORTURE_HOME": str(self.path),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins' / 'runner-procrastinate'}",
            VARIABLE: f"{self.began} {self.speed} {shift}",
        }
        command = [sys.executable, "-m", "torture.shifted", "--home", str(self.folder / host), *words]
        log = (self.folder / f"{host}.log").open("ab")
        with log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)

    def tick(self) -> None:
        """A tick on each host."""
        self.ticks = [item for item in self.ticks if not self._ended(*item)]
        for host in "ab":
            self.ticks.append((host, self._start(host, "run-due")))
            self.happened["ticks"] += 1

    def _ended(self, host: str, process: subprocess.Popen[bytes]) -> bool:
        code = process.poll()
        if code is None:
            return False
        self.codes[f"run-due {code}"] += 1
        if code not in (0, 4, -9):
            self.complaints.append(f"a tick on {host} exited {code}")
        return True

    def keep_working(self) -> None:
        """Starts workers that have ended, two on each host."""
        for number, item in enumerate(self.workers):
            if item is not None and item[1].poll() is not None:
                self.codes[f"worker {item[1].returncode}"] += 1
                if item[1].returncode not in (-9, 4):
                    self.complaints.append(f"a worker exited {item[1].returncode}")
            if item is None or item[1].poll() is not None:
                host = "ab"[number % 2]
                self.workers[number] = (host, self._start(host, "worker", "--jobs", "2"))

    # ---- suffering

    def suffer(self) -> None:
        kind = self.random.choices(["worker", "tick", "hang", "cut", "store", "nothing"], [40, 12, 6, 6, 4, 32])[0]
        if kind == "worker" and (item := self.random.choice(self.workers)) and item[1].poll() is None:
            item[1].kill()
        elif kind == "tick" and (living := [item[1] for item in self.ticks if item[1].poll() is None]):
            self.random.choice(living).kill()
        elif kind in ("hang", "cut") and self.line is not None and not self.asleep:
            self.asleep.append(int(time.time() + self.random.uniform(5, 35)))
            self.line.send_signal(signal.SIGSTOP if kind == "hang" else signal.SIGKILL)
        elif kind == "store" and self.happened["store"] < self.now.timestamp() - BEGIN.timestamp():
            self.keeper.stop("immediate")
            time.sleep(self.random.uniform(0, 5))
            self.keeper.resume()
        else:
            kind = "nothing"
        self.happened[kind] += kind != "nothing"
        self._shake()
        if self.asleep and time.time() > self.asleep[0]:
            self.mend_line()

    def mend_line(self) -> None:
        self.asleep.clear()
        if self.line is not None:
            self.line.send_signal(signal.SIGCONT)
            if self.line.poll() is None:
                return
        place = self.keeper.sockets / f".s.PGSQL.{self.keeper.port}"
        words = [sys.executable, "-m", "torture.line", str(self.port), str(place)]
        self.line = subprocess.Popen(words, cwd=ROOT)

    def _shake(self) -> None:
        number = self.random.randrange(len(self.names))
        options: Any = self._server(number).options(self.names[number])
        with psycopg.connect(**options, autocommit=True) as connection:
            row = (self.random.choice((1, 9, 99)), self.random.choice(("one", "two", "three")))
            connection.execute("update level set n = %s where name = %s", row)

    # ---- the end

    def settle(self, seconds: float) -> bool:
        """Faults are over: workers and ticks go on until nothing is under way. False when that does not come."""
        self.mend_line()
        end = time.time() + seconds
        while time.time() < end:
            self.keep_working()
            self.tick()
            time.sleep(60 / self.speed)
            with suppress(Exception), self.opened() as store:
                if not (store.unreported() or store.pending_count() or self._late(store)):
                    return True
        return False

    def _late(self, store: Store) -> bool:
        """Whether anything but the newest slots is running."""
        return any(run.slot < self.now - 4 * MINUTE for run in store.running())

    def stop(self) -> None:
        """No ticks any more; workers end what they perform."""
        for _, process in self.ticks:
            process.wait(120)
        self._drain()
        for item in filter(None, self.workers):
            item[1].send_signal(signal.SIGTERM)
        for item in filter(None, self.workers):
            if item[1].wait(120) not in (0, -9):
                self.complaints.append(f"a worker exited {item[1].returncode} on SIGTERM")
            self.codes[f"worker {item[1].returncode}"] += 1
        last = self._start("a", "run-due", "--group", "none-of-them")
        last.wait()

    def _drain(self) -> None:
        end = time.time() + 60
        while time.time() < end:
            with self.opened() as store:
                if not (store.running() or store.unreported() or store.pending_count()):
                    return
            time.sleep(0.5)

    def close(self) -> None:
        for process in (*(item[1] for item in self.ticks), *(item[1] for item in filter(None, self.workers))):
            if process.poll() is None:
                process.kill()
        if self.line is not None:
            self.line.send_signal(signal.SIGCONT)
            self.line.kill()
        for server in (*self.watched, self.keeper):
            server.remove()


def judged(fleet: Fleet, first: datetime, last: datetime) -> Verdict:
    """Each job on each target by itself; what is after `last` may still be on its way."""
    jobs = {f"{job}@{name}": minutes for job, minutes in ON_TARGETS.items() for name in fleet.names}
    jobs |= {f"{job}@": minutes for job, minutes in ON_HOST.items()}
    return judge(fleet, jobs, first, ONCE, named=lambda row: f"{row.job}@{row.target}", last=last, apart=True)  # type: ignore[arg-type]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def main(words: list[str] | None = None) -> int:
    """Exits 1 when anything was lost, doubled, or left undone."""
    parser = argparse.ArgumentParser(prog="python -m torture.workers", description=__doc__)
    parser.add_argument("--ticks", type=int, default=200, help="minutes of the fleet's own time")
    parser.add_argument("--targets", type=int, default=12, help="databases, on two servers")
    parser.add_argument("--speed", type=float, default=10.0, help="how many times faster its clocks go")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="chooses who is killed, and when")
    given = parser.parse_args(words)
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="runner-torture-", ignore_cleanup_errors=True) as folder:
        fleet = Fleet(Path(folder), given.targets, given.speed, given.seed)
        try:
            fleet.began = time.time()
            fleet.tick()
            while not _seen(fleet):
                time.sleep(0.5)
            first = fleet.now.replace(second=0, microsecond=0) + 3 * MINUTE
            pace = 60 / given.speed
            for minute in range(given.ticks):
                fleet.keep_working()
                fleet.tick()
                for _ in range(3):
                    fleet.suffer()
                    time.sleep(pace / 3)
                if minute % 20 == 19:
                    print(f"{minute + 1} minutes: {dict(fleet.happened)}", flush=True)
            settled = fleet.settle(DOUBT + 300)
            last = (fleet.now - 10 * MINUTE).replace(second=0, microsecond=0)
            fleet.stop()
            found = judged(fleet, first, last)
            if not settled:
                found.wrong.append("what was under way did not come to an end")
        finally:
            for host in "ab":
                said = (Path(folder) / f"{host}.log").read_text(errors="replace")
                lines = Counter(line for line in said.splitlines() if "Traceback" in line or "Error" in line)
                print(f"{host}: {dict(lines.most_common(8))}")
            fleet.close()
    print(f"{dict(fleet.happened)} {dict(sorted(fleet.codes.items()))}")
    print(
        f"slots {found.slots:,}, runs {found.runs:,}, interrupted {found.interrupted:,}, reports {found.reports:,},"
        f" delivered twice {found.doubles:,}, counted by one host and run by the other {found.both:,}, wrong {len(found.wrong):,}"
    )
    for sentence in found.wrong[:300]:
        print(f"  {sentence}")
    return 1 if found.wrong else 0


def _seen(fleet: Fleet) -> bool:
    """Whether the first tick has seen every job."""
    with suppress(Exception), fleet.opened() as store:
        return len(store.cursors()) == len(fleet.names) * len(ON_TARGETS) + len(ON_HOST)
    return False


if __name__ == "__main__":
    sys.exit(main())
