"""Stand-ins for what the engine and the compiler hand to a kind; the servers behind them are real."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runner.api import (
    Backlog,
    Function,
    HistoryNeed,
    HistoryReader,
    Job,
    MappingNode,
    Memory,
    Past,
    ProbeType,
    Problem,
    Result,
    Sample,
    Seen,
    Series,
    ServerFacts,
    Session,
    SourceState,
    Span,
    Target,
    TargetError,
)
from runner.clock import SystemClock
from runner.engine.database.writer import Writer
from runner.model.history import NO_PAST
from runner.model.node import built_in

SLOT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)


@dataclass
class Complaints:
    """Gathers (code, message, hint)."""

    params: Mapping[str, object] = field(default_factory=dict)
    found: list[tuple[str, str, str]] = field(default_factory=list)
    functions: Mapping[str, Function] = field(default_factory=dict)

    def complain(self, code: str, span: Span, message: str, hint: str = "") -> None:
        self.found.append((code, message, hint))

    advise = complain

    def probe(self, name: str) -> ProbeType | None:
        return None


@dataclass
class Remembered:
    """A store that remembers these trends by their column and nothing else."""

    trends: Mapping[str, Mapping[Series, tuple[Sample, ...]]] = field(default_factory=dict)
    open: Sequence[Problem] = ()

    def past(self, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime) -> Past:
        return NO_PAST

    def trend(self, job: str, target: str, column: str, since: datetime) -> Mapping[Series, tuple[Sample, ...]]:
        return self.trends.get(column, {})

    def run_statistics(self, since: datetime) -> Sequence[Mapping[str, object]]:
        return ()

    def latest(self, job: str | None = None) -> Sequence[Result]:
        return ()

    def seen(self) -> Mapping[tuple[str, str], Seen]:
        return {}

    def backlog(self) -> Sequence[Backlog]:
        return ()

    def problems(self) -> Sequence[Problem]:
        return self.open


@dataclass
class Context:
    """A RunContext; `session` opens real sessions of the engine."""

    home: Path = Path("/")
    target: Target | None = None
    server: ServerFacts | TargetError | None = None
    databases: tuple[str, ...] = ("",)
    params: Mapping[str, object] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    history: HistoryReader = field(default_factory=Remembered)
    jobs: tuple[Job, ...] = ()
    targets: tuple[Target, ...] = ()
    target_sources: tuple[SourceState, ...] = ()
    dry_run: bool = False
    run_id: str = "run-1"
    slot: datetime = SLOT
    now: datetime = SLOT
    clock: SystemClock = field(default_factory=SystemClock)
    limit: float | None = None
    begun: float = field(default_factory=lambda: SystemClock().elapsed())
    said: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    sessions: ExitStack = field(default_factory=ExitStack)
    lock_timeout: float = 2.0
    previous: Mapping[str, datetime] = field(default_factory=dict)

    def deadline(self) -> float | None:
        return None if self.limit is None else max(0.0, self.begun + self.limit - self.clock.elapsed())

    def session(self, database: str = "") -> Session:
        assert self.target is not None
        writer = Writer(self.target, database, purpose="runner test", lock_timeout=self.lock_timeout)
        self.sessions.callback(writer.close)
        return writer

    def progress(self, text: str, share: float | None = None) -> None:
        if text:
            self.said.append(text)
        if share is not None:
            self.shares.append(share)

    def next_due(self, job: Job, after: datetime) -> datetime | None:
        return None

    def previous_due(self, job: Job, before: datetime) -> datetime | None:
        return self.previous.get(job.name)


def mapping(data: dict[str, object]) -> MappingNode:
    node = built_in(data)
    assert isinstance(node, MappingNode)
    return node


def job(name: str, kind: str, spec: object, **keys: object) -> Job:
    return Job(name=name, kind=kind, group="group", title=name, spec=spec, **keys)  # type: ignore[arg-type]
