"""A home without a server whose jobs and sinks do what files say, ticks that die like processes, and what they did."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runner import crashpoints
from runner.app.loading import Loaded, load
from runner.app.run_due import TickDone, run_due
from runner.app.run_job import run_job
from runner.app.runs import Manner
from runner.config.diagnostics import render_all
from runner.model.codec import moment
from runner.store.base import Store
from runner.store.open import open_store

# Everything that happens is appended to files in one write, as programs outside would see it.
PLUGIN = '''
import json, os, time
from pathlib import Path
from runner.api import Finding, JobKind, Outcome, RetryableSinkError, Scope, Series, SinkError, SinkType, State, hookimpl

__runner_api__ = (1, 0)


def append(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, (text + "\\n").encode())
    os.close(descriptor)


def ran(context, job):
    name = context.target.name if context.target else ""
    append(context.home / "ran.txt", f"{job.name} {name or '-'} {context.slot.isoformat()} {context.run_id}")


def judged(context, job):
    """One finding for each word of the job's file: a key, a colon, a state."""
    file = context.home / f"found-{job.name}"
    words = file.read_text().split() if file.exists() else []
    pairs = [word.split(":") for word in words]
    found = tuple(Finding(state=State(state), message=key, series=Series("", (key,))) for key, state in pairs)
    return Outcome(summary="looked", findings=found)


def look(context, job):
    ran(context, job)
    yield ()
    return judged(context, job)


def work(context, job):
    ran(context, job)
    while (context.home / f"hold-{job.name}").exists():
        time.sleep(0.002)
    return judged(context, job)


class Sink:
    def __init__(self, options, context):
        self.name, self.home = context.name, context.home

    def emit(self, report):
        file = self.home / f"mood-{self.name}"
        mood = file.read_text() if file.exists() else ""
        if mood == "fail":
            raise RetryableSinkError("down")
        if mood == "refuse":
            raise SinkError("never")
        if mood == "hang":
            time.sleep(0.15)
        append(self.home / f"got-{self.name}", json.dumps({
            "id": report.id,
            "runs": [item.run for item in report.results],
            "changes": [
                [item.job, item.target, list(item.series.key), item.change.value, item.at.isoformat()]
                for item in report.transitions
            ],
            "open": [
                [result.job, result.target, list(item.series.key)]
                for result in report.results for item in result.outcome.findings if item.is_open
            ],
        }))

    def close(self):
        pass


@hookimpl
def runner_register_job_kinds():
    def nothing(node, context):
        return None

    return [
        JobKind(name="sim.look", summary="Looks", read=nothing, converse=look),
        JobKind(name="sim.work", summary="Works", read=nothing, run=work, scope=Scope.HOST),
    ]


@hookimpl
def runner_register_sinks():
    return [SinkType(type="sim.sink", summary="Writes to a file", open=Sink)]
'''

SETTINGS = """
version: 1
allow: [command]
targets: {a: {host: /nonexistent/a, dbname: x}, b: {host: /nonexistent/b, dbname: x}}
windows: {night: {from: "02:00", to: "05:00"}}
sinks:
  everything: {type: sim.sink, timeout: 0.1s}
  pager: {type: sim.sink, timeout: 0.1s, send: [problems, recovered]}
"""

SCRIPT = 'echo "$RUNNER_JOB - $RUNNER_SLOT $RUNNER_RUN" >> ran.txt'


class Died(SystemExit):
    """The process is gone: raised at every crash point from then on, so that nothing more is written or sent."""


class Deaths:
    """Stands in for `crashpoints.reached`: threads belong to the tick that started them, and die with it."""

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[str, int]] = {}
        self._dead: set[int] = set()
        self._number = 0
        self.seen: set[str] = set()

    @contextmanager
    def installed(self) -> Iterator[None]:
        original, start = crashpoints.reached, threading.Thread.start

        def started(thread: threading.Thread) -> None:
            thread.simulated_tick = getattr(threading.current_thread(), "simulated_tick", 0)  # type: ignore[attr-defined]
            start(thread)

        crashpoints.reached, threading.Thread.start = self.reached, started  # type: ignore[method-assign]
        try:
            yield
        finally:
            crashpoints.reached, threading.Thread.start = original, start  # type: ignore[method-assign]

    @contextmanager
    def tick(self, point: str = "", times: int = 1) -> Iterator[int]:
        """What this thread does is a tick that dies the n-th time it comes to the point."""
        thread: Any = threading.current_thread()
        self._number += 1
        number = thread.simulated_tick = self._number
        if point:
            self._wanted[number] = (point, times)
        try:
            yield number
        finally:
            thread.simulated_tick = 0

    def kill(self, number: int) -> None:
        self._dead.add(number)

    def is_dead(self, number: int) -> bool:
        return number in self._dead

    def reached(self, name: str) -> None:
        assert name in crashpoints.POINTS
        self.seen.add(name)
        number = getattr(threading.current_thread(), "simulated_tick", 0)
        point, left = self._wanted.get(number, ("", 0))
        if point == name:
            self._wanted[number] = (point, left - 1)
            if left == 1:
                self._dead.add(number)
        if number in self._dead:
            raise Died(name)


class SetClock:
    """Stands where it was set, but for a microsecond each time it is asked: no two moments are the same."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    def elapsed(self) -> float:
        return time.monotonic()


@dataclass
class Ticked:
    """One tick: what it decided, or None when it died."""

    at: datetime
    loaded: Loaded
    done: TickDone | None


@dataclass
class Simulated:
    """The home in a folder; `deaths` decides which of its ticks die."""

    path: Path
    clock: SetClock
    deaths: Deaths = field(default_factory=Deaths)
    newest: datetime | None = None
    """The latest time that a tick has seen, whatever the clock says now."""
    _loaded: Loaded | None = None

    def __post_init__(self) -> None:
        (self.path / "checks.d").mkdir(parents=True)
        (self.path / "plugins").mkdir()
        (self.path / "plugins" / "sim.py").write_text(PLUGIN)
        (self.path / "runner.yaml").write_text(SETTINGS)

    def write(self, name: str, text: str | None) -> None:
        """A file of jobs; None removes it."""
        file = self.path / "checks.d" / f"{name}.yaml"
        file.unlink(missing_ok=True) if text is None else file.write_text(text)
        self._loaded = None

    def say(self, name: str, text: str | None) -> None:
        """A file that jobs and sinks look at, replaced at once."""
        file, beside = self.path / name, self.path / "beside"
        if text is None:
            file.unlink(missing_ok=True)
            return
        beside.write_text(text)
        beside.replace(file)

    def loaded(self) -> Loaded:
        if self._loaded is None:
            self._loaded = load(str(self.path), environ={})
            faults = self._loaded.host.faults
            assert not faults, faults
        return self._loaded

    def errors(self) -> str:
        home = self.loaded().home
        return render_all(home.errors, home.sources)

    def tick(self, point: str = "", times: int = 1) -> Ticked:
        """One tick, which dies at the point if it comes there so often."""
        at, loaded = self.clock.at, self.loaded()
        self.newest = max(self.newest or at, at)
        with self.deaths.tick(point, times) as number:
            done: TickDone | None = None
            with suppress(Died):
                done = run_due(loaded, self.clock, Manner(stdout=lambda _: None))
        return Ticked(at=at, loaded=loaded, done=None if self.deaths.is_dead(number) else done)

    def run_by_name(self, name: str) -> None:
        with self.deaths.tick():
            run_job(self.loaded(), self.clock, [name], "", Manner(stdout=lambda _: None))

    def store(self) -> Store:
        return open_store("sqlite:.runner/state.db", self.path)

    # ---- what happened

    def query(self, text: str) -> list[tuple[Any, ...]]:
        file = self.path / ".runner" / "state.db"
        if not file.exists():
            return []
        connection = sqlite3.connect(file)
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()

    def ran(self) -> list[tuple[str, str, datetime, str]]:
        """Job, target, slot and run of everything that was really begun."""
        file = self.path / "ran.txt"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [(job, "" if target == "-" else target, moment(slot), run) for job, target, slot, run in lines]

    def got(self, sink: str) -> list[dict[str, Any]]:
        """The reports that a sink got, as it wrote them down."""
        file = self.path / f"got-{sink}"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
