"""Temporary homes on a real server, and ticks at chosen times."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, TypeAlias

from runner.app.loading import Loaded, load
from runner.app.run_due import TickDone, run_due
from runner.app.runs import Manner
from runner.clock import ShiftedClock
from runner.config.diagnostics import render_all
from runner.store.base import Store
from runner.store.open import open_store

SLOT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

CHECK = """
schedule: hourly
check: one
columns: {n: count}
sql: select 1 as n
warning: n > 5
"""


@dataclass
class TempHome:
    """A folder with runner.yaml, checks.d/ and plugins/; sinks are a screen and a log file of JSON lines."""

    path: Path
    options: Mapping[str, str]
    extra: str = ""
    printed: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, path: Path, options: Mapping[str, str], files: Mapping[str, str], extra: str = "") -> TempHome:
        home = cls(path, options, dedent(extra))
        (path / "checks.d").mkdir(parents=True)
        home.settings()
        for name, text in files.items():
            home.write(name, text)
        return home

    @property
    def log(self) -> Path:
        return self.path / "logs" / "runner.log"

    def settings(self, extra: str = "") -> None:
        """Writes runner.yaml."""
        target = json.dumps({**self.options, "connect_timeout": "5"})
        (self.path / "logs").mkdir(exist_ok=True)
        parts = [
            f"version: 1\ntargets:\n  main: {target}\n",
            "" if "sinks:" in self.extra + extra else self.sinks(),
            self.extra,
            dedent(extra),
        ]
        (self.path / "runner.yaml").write_text("".join(parts))

    def sinks(self) -> str:
        return f"sinks:\n  screen: {{type: stdout}}\n  log: {{type: log_file, path: {self.log}, format: json_lines}}\n"

    def write(self, name: str, text: str) -> None:
        folder = "plugins" if name.endswith(".py") else "checks.d"
        (self.path / folder).mkdir(exist_ok=True)
        (self.path / folder / name).write_text(dedent(text))

    def load(self, *, sound: bool = True) -> Loaded:
        loaded = load(str(self.path), environ=self.environ)
        if sound:
            assert render_all(loaded.home.errors, loaded.home.sources) == ""
        return loaded

    def tick(self, at: datetime = SLOT, *groups: str, sound: bool = True) -> TickDone:
        """One `run-due` that stands at this time."""
        return run_due(self.load(sound=sound), ShiftedClock(at), Manner(stdout=self.printed.append), groups)

    def start(self, at: datetime = SLOT - 5 * MINUTE) -> None:
        """The first tick ever: it sees the jobs and runs nothing."""
        assert self.tick(at).ran.reports == ()

    def store(self) -> Store:
        return open_store("sqlite:.runner/state.db", self.path)

    def runs(self, job: str | None = None) -> list[tuple[str, str, int]]:
        """Job, status, attempt; the oldest first."""
        with self.store() as store:
            return [(run.job, run.status, run.attempt) for run in reversed(store.runs(job))]

    def logged(self) -> list[Any]:
        """The reports that the log file got."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


def states(done: TickDone) -> dict[str, str]:
    """What a tick found, by job."""
    return {result.job: result.state.value for report in done.ran.reports for result in report.results}


def block(text: str, spaces: int = 2) -> str:
    return indent(dedent(text), " " * spaces)


Make: TypeAlias = Callable[..., TempHome]
"""The fixture `make`: a home with these files, one check without any."""
