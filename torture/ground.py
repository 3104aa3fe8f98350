"""A home whose jobs and sinks write down what they do, and real ticks on it at times of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import quote, urlencode

import psycopg

from runner.crashpoints import VARIABLE
from runner.store.base import Store
from runner.store.open import open_store

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
PATIENCE = 120.0
"""Seconds after which a tick hangs, which is a finding."""
EVERY_MINUTE = 'schedule: "* * * * *"\n'
NOTE = 'echo "$RUNNER_JOB $RUNNER_SLOT $RUNNER_RUN" >> begun'
KEEPS = {"level": 1, "sizes": 1, "tidy": 1, "note": 1, "plain": 1, "again": 1, "strict": 10}
"""Jobs that are there all the time, and how many minutes lie between their slots."""

# Phases are told through the hooks that every plugin has; each is one write to a file of the process.
PLUGIN = """
import json, os
from pathlib import Path
from runner.api import JobKind, Outcome, Scope, SinkType, hookimpl

__runner_api__ = (1, 0)
HOME = Path(os.environ["TORTURE_HOME"])


def append(name, text):
    descriptor = os.open(HOME / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, (text + "\\n").encode())
    os.close(descriptor)


def phase(text):
    append(f"phases/{os.getpid()}", text)


phase("deciding")


class Ids:
    def __init__(self, options, context):
        pass

    def emit(self, report):
        changes = [[t.job, t.target, list(t.series.key), t.change.value, t.at.isoformat()] for t in report.transitions]
        append("ids", json.dumps({"id": report.id, "runs": [r.run for r in report.results], "changes": changes}))

    def close(self):
        pass


def mark(context, job):
    append("begun", f"{job.name} {context.slot.isoformat()} {context.run_id}")
    return Outcome(summary="marked")


@hookimpl
def runner_register_sinks():
    return [SinkType(type="torture.ids", summary="Appends each report's id", open=Ids)]


@hookimpl
def runner_register_job_kinds():
    return [JobKind(name="torture.mark", summary="Marks", read=lambda node, context: None, run=mark, scope=Scope.HOST)]


@hookimpl
def runner_tick_started(tick):
    phase("running")


@hookimpl
def runner_result_ready(result):
    phase("recording")


@hookimpl
def runner_report_ready(report):
    phase("delivering")


@hookimpl
def runner_delivery_finished(delivery):
    phase("after a delivery")
"""

CHECKS = f"""{EVERY_MINUTE}jobs:
  - check: level
    key: [name]
    columns: {{n: count}}
    sql: select name, n from level
    warning: n > 5
    critical: n > 50
  - {{check: sizes, sql: select 1 as n from pg_sleep(0.1), warning: n > 5}}
"""
JOBS = {
    "checks": CHECKS,
    "upkeep": f"""{EVERY_MINUTE}jobs:
  - maintenance: tidy
    steps:
      - vacuum: {{tables: [public.level]}}
  - command: note
    shell: '{NOTE}'
""",
    "plain": f"{EVERY_MINUTE}command: plain\nshell: '{NOTE}; sleep 0.1'\n",
    "again": f"{EVERY_MINUTE}command: again\nretry: {{times: 1, wait: 0s}}\nshell: '{NOTE}'\n",
    "strict": 'schedule: "*/10 * * * *"\ncatch_up: no\ntorture.mark: strict\n',
}
EDITED = tuple(f'schedule: "{minute} 5 * * *"\ntorture.mark: edited\n' for minute in (30, 40))
GOING = f"{EVERY_MINUTE}torture.mark: going\n"


@dataclass
class Ground:
    """`store` is `sqlite:PATH` or a URL; `now` is the time at which the next ticks stand."""

    path: Path
    target: Mapping[str, str]
    store: str = "sqlite:.runner/state.db"
    jobs: Mapping[str, str] = field(default_factory=lambda: JOBS)
    now: datetime = BEGIN
    ticks: int = 0
    codes: dict[int, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    """How many were killed, by the phase they were in."""

    def __post_init__(self) -> None:
        for folder in ("checks.d", "plugins", "phases"):
            (self.path / folder).mkdir(parents=True)
        (self.path / "plugins" / "torture.py").write_text(PLUGIN)
        (self.path / "runner.yaml").write_text(
            f"version: 1\nallow: [command]\nstate: {json.dumps(self.store)}\n"
            f"targets:\n  main: {json.dumps({**self.target, 'connect_timeout': '5'})}\n"
            "sinks:\n  log: {type: log_file, path: reports.jsonl, format: json_lines}\n  ids: {type: torture.ids}\n"
        )
        for name, text in self.jobs.items():
            self.write(name, text)

    def write(self, name: str, text: str | None) -> None:
        """A file of jobs, replaced at once; None removes it."""
        file = self.path / "checks.d" / f"{name}.yaml"
        if text is None:
            file.unlink(missing_ok=True)
            return
        beside = file.with_suffix(".new")
        beside.write_text(text)
        beside.replace(file)

    def start(self, crash_at: str = "") -> subprocess.Popen[bytes]:
        """A tick in a process of its own."""
        self.ticks += 1
        words = [sys.executable, "-m", "runner", "--home", str(self.path), "run-due", "--now", f"{self.now:%FT%TZ}"]
        environment = {**os.environ, "TORTURE_HOME": str(self.path), VARIABLE: crash_at}
        return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Waits for a tick; what it says when it was not killed is kept when it did not end well."""
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            self.complaints.append(f"a tick at {self.now} hung: {said.decode(errors='replace')[-500:]}")
        code = process.returncode
        self.codes[code] = self.codes.get(code, 0) + 1
        if code == -signal.SIGKILL:
            phase = self.phase(process.pid)
            self.ended[phase] = self.ended.get(phase, 0) + 1
        elif code not in (0, 4):
            self.complaints.append(f"a tick at {self.now} exited {code}: {said.decode(errors='replace')[-500:]}")
        return code

    def tick(self, crash_at: str = "") -> int:
        """One tick, and its exit code."""
        return self.end(self.start(crash_at))

    def phase(self, pid: int) -> str:
        """How far the process came."""
        file = self.path / "phases" / str(pid)
        told = file.read_text().splitlines() if file.exists() else []
        return told[-1] if told else "starting"

    def opened(self) -> Store:
        return open_store(self.store, self.path)

    def shake(self, random: Random) -> None:
        """Other levels, so that problems open, change and end."""
        with psycopg.connect(**self.target, autocommit=True, connect_timeout=5) as connection:  # type: ignore[arg-type]
            for name in ("one", "two", "three"):
                connection.execute("update level set n = %s where name = %s", (random.choice((1, 9, 99)), name))


def prepare(target: Mapping[str, str]) -> None:
    """The table that checks look at and maintenance cleans."""
    with psycopg.connect(**target, autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("create table if not exists level (name text primary key, n int)")
        connection.execute("insert into level values ('one', 1), ('two', 1), ('three', 1) on conflict do nothing")


def url_of(options: Mapping[str, str]) -> str:
    """`postgresql://…` of libpq's keywords."""
    given = dict(options)
    user, name = (quote(given.pop(key), safe="") for key in ("user", "dbname"))
    return f"postgresql://{user}@/{name}?{urlencode(given)}"
