"""A home as it was loaded: settings, targets, jobs, and every complaint about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Literal

from runner.model.diagnostic import BUILT_IN, Diagnostic, Severity, Span
from runner.model.executor import ExecutorSettings
from runner.model.inventory import SourceState, TargetSource
from runner.model.job import Job, Window
from runner.model.secret import Secret
from runner.model.target import Selector, Target
from runner.records import dataclass

Send = Literal["all", "ok", "warning", "critical", "unknown", "skipped", "learning", "recovered", "problems", "changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """A sink as runner.yaml names it; `options` are those of its type, interpolated and validated."""

    name: str
    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    send: tuple[Send, ...] = ("all",)
    says_send: bool = False
    """Whether `send` was written: without it, sinks of some types get only what changed."""
    format: str = ""
    timeout: float = 10.0
    span: Span = BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Reports that match all that is given go to the sinks; without routes every sink gets everything.

    `lasting` is the age in seconds that a problem must have; `quiet` names the window in which nothing new is told.
    """

    sinks: tuple[str, ...]
    groups: tuple[str, ...] = ("*",)
    jobs: tuple[str, ...] = ("*",)
    tags: tuple[str, ...] = ()
    states: tuple[Send, ...] = ("all",)
    targets: Selector = Selector()
    lasting: float = 0.0
    quiet: str = ""
    span: Span = BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Findings of these jobs on these targets are not sent until then; a reason is always given.

    `keys` are patterns of rows, as `schema.table` or `database/schema.table`. With `runs` `skip` the jobs do not run
    at all meanwhile. `id` and `author` are given when it is kept in the store.
    """

    jobs: tuple[str, ...]
    reason: str
    until: datetime | None = None
    window: str = ""
    targets: Selector = Selector()
    keys: tuple[str, ...] = ("*",)
    runs: Literal["continue", "skip"] = "continue"
    id: str = ""
    author: str = ""
    at: datetime | None = None
    span: Span = BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """runner.yaml with its defaults filled in; durations in seconds."""

    state: str = "sqlite:.runner/state.db"
    timezone: str = "UTC"
    statement_timeout: float = 30.0
    lock_timeout: float = 2.0
    remind_every: float = 21600.0
    allow: frozenset[str] = frozenset()
    sinks: Mapping[str, SinkSettings] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    windows: Mapping[str, Window] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    crontab_marker: str = "runner"
    connections: int = 4
    keep_samples: float = 30 * 86400.0
    keep_hourly: float = 90 * 86400.0
    keep_daily: float = 400 * 86400.0
    keep_runs: float = 400 * 86400.0
    plugins_disabled: tuple[str, ...] = ()
    targets_from: tuple[TargetSource, ...] = ()
    executor: ExecutorSettings | None = None
    """None for the local one: the tick that claims runs performs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Everything that a command needs to know. Jobs with errors are absent; the diagnostics say why.

    `broken` names the groups (file stems) and jobs that could not be used. `files` are all that was read.
    """

    path: Path
    settings: Settings
    targets: Mapping[str, Target] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    """Group name to title, in the order of the files."""
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()
    secrets: tuple[Secret, ...] = ()
    files: tuple[Path, ...] = ()
    inventory: tuple[SourceState, ...] = ()
    """What is known of each source of targets."""
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    """File name as diagnostics show it, to its text, for source frames."""

    @property
    def state_dir(self) -> Path:
        return self.path / ".runner"

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(item for item in self.diagnostics if item.severity is Severity.ERROR)

    def job(self, name: str) -> Job | None:
        return next((job for job in self.jobs if job.name == name), None)
