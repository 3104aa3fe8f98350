"""What is scheduled: a job, when it is due, and what must hold before it may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import time
from enum import Enum
from typing import Literal

from runner.model.diagnostic import BUILT_IN, Span
from runner.model.target import Selector
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A cron line of five fields, or a fixed period in seconds counted from 1970-01-01 00:00 UTC."""

    text: str
    timezone: str = "UTC"
    cron: str = ""
    every: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours in which a job may start; `start` later than `end` crosses midnight. No days means every day."""

    name: str
    start: time
    end: time
    days: frozenset[int] = frozenset()
    timezone: str = "UTC"


class Scope(Enum):
    """How often a job runs on a target."""

    HOST = "host"
    INSTANCE = "instance"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """Facts that make a job applicable; one that is not met means skipped, with the reason."""

    version: tuple[int, int | None] | None = None
    role: Literal["primary", "standby"] | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`for:` a condition must be seen this many runs in a row, or this many seconds, before it counts."""

    runs: int = 1
    seconds: float = 0.0


_LONGEST_PAUSE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a run is tried again after it failed, and the seconds before the first time."""

    times: int = 0
    wait: float = 10.0

    def pause(self, attempt: int) -> float:
        """Seconds before the next try after this one (the first is 0): twice as many each time, up to five minutes."""
        return min(self.wait * 2.0 ** min(attempt, 30), max(self.wait, _LONGEST_PAUSE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the YAML of one job says; `spec` is its kind's own part, compiled.

    `origins` gives for each key the place where its value stands; durations are in seconds.
    """

    name: str
    kind: str
    group: str
    title: str
    spec: object
    span: Span = BUILT_IN
    description: str = ""
    hint: str = ""
    runbook: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    schedule: Schedule | None = None
    catch_up: float = 86400.0
    spread: float = 0.0
    after: tuple[str, ...] = ()
    window: Window | None = None
    overlap: Literal["skip", "wait"] = "skip"
    timeout: float | None = None
    statement_timeout: float = 30.0
    lock_timeout: float = 2.0
    retry: Retry = Retry()
    scope: Scope = Scope.INSTANCE
    targets: Selector = Selector()
    requires: Requires = Requires()
    applies_if: str = ""
    precondition: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    mends: tuple[str, ...] = ()
    """The checks whose open problems it is run for, by itself, each time its window opens (`remedy_auto:`)."""
    hold: Hold = Hold()
    on_gone: Literal["ok", "warning", "critical"] = "ok"
    remind_every: float = 21600.0
    order: int = 0
    origins: Mapping[str, Span] = field(default_factory=dict)
    documented: Mapping[str, object] = field(default_factory=dict)
