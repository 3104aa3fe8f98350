"""What one run of a job on one target may use: the plugin API's RunContext."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from runner.api import (
    Answer,
    HistoryReader,
    Job,
    Memory,
    Options,
    ProbeType,
    Query,
    QueryError,
    Row,
    Scope,
    ServerFacts,
    Session,
    SourceState,
    Target,
    TargetError,
)
from runner.clock import Clock, sleep
from runner.errors import RunnerError
from runner.plugins.registry import resolve
from runner.records import dataclass
from runner.schedule import following, latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run. `open_session` opens a writable connection that the engine closes."""

    run_id: str
    job: Job
    slot: datetime
    clock: Clock
    home: Path
    target: Target | None
    server: ServerFacts | TargetError | None
    databases: tuple[str, ...]
    params: Mapping[str, object]
    memory: Memory
    history: HistoryReader
    jobs: tuple[Job, ...]
    probes: Mapping[str, ProbeType]
    open_session: Callable[[Target, str, Job], Session]
    targets: tuple[Target, ...] = ()
    target_sources: tuple[SourceState, ...] = ()
    ask_target: Callable[[Target, Sequence[Query]], Sequence[Answer]] | None = None
    tell: Callable[[str], None]
    show: Callable[[str, str, float], None] | None = None
    """Draws how much is done: the target's name, what, and the share of it."""
    dry_run: bool = False
    ends: float | None = None
    """The clock's `elapsed()` at which the run must have ended."""
    stopped: Callable[[], bool] = field(default=lambda: False)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def deadline(self) -> float | None:
        if self.stopped():
            return 0.0
        return None if self.ends is None else max(0.0, self.ends - self.clock.elapsed())

    def session(self, database: str = "") -> Session:
        if self.target is None:
            raise TargetError("this job has no server to connect to")
        return self.open_session(self.target, database, self.job)

    def probe(self, name: str, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
        probe = self.probes.get(name)
        if probe is None:
            raise RunnerError(f"there is no probe `{name}`", hint="runner plugins list shows what is registered")
        rows: Iterable[Row] = yield from resolve(probe.fetch)(self, options)
        return rows

    def ask(self, target: Target, queries: Sequence[Query]) -> Sequence[Answer]:
        if self.ask_target is None:
            return [QueryError(message="other targets cannot be asked here")] * len(queries)
        return self.ask_target(target, queries)

    def console(self, options: Mapping[str, str], statements: Sequence[str], *, timeout: float) -> Sequence[Answer]:
        from runner.engine.database.console import ask_console

        return ask_console(Target(name="console", options=options), statements, timeout)

    def progress(self, text: str, share: float | None = None) -> None:
        if share is not None and self.show is not None:
            self.show(self.target.name if self.target else "", text, share)
        elif text:
            self.tell(text)

    def wait(self, wanted: float) -> None:
        """Sleeps so many seconds, less when the run is stopped or its time is up."""
        sleep(wanted, self.clock, lambda: self.deadline() == 0.0)

    def next_due(self, job: Job, after: datetime) -> datetime | None:
        return next(iter(following(job.schedule, after)), None) if job.schedule else None

    def previous_due(self, job: Job, before: datetime) -> datetime | None:
        return latest(job.schedule, before) if job.schedule else None

    def begun(self, databases: tuple[str, ...]) -> Context:
        """The same run in the databases where the job applies; its timeout counts from now."""
        limit = self.job.timeout
        return replace(self, databases=databases, ends=None if limit is None else self.clock.elapsed() + limit)


def parameters(job: Job, target: Target | None, overrides: Mapping[str, object]) -> Mapping[str, object]:
    """The job's parameters under the target's and the command line's values; unknown names are left out."""
    stronger = {**(target.params if target else {}), **overrides}
    return {name: stronger.get(name, value) for name, value in job.params.items()}


def databases_of(job: Job, target: Target | None, server: ServerFacts | TargetError | None) -> tuple[str, ...]:
    """The databases that the job visits; `""` is the target's own."""
    if job.scope is Scope.DATABASE and target is not None and isinstance(server, ServerFacts):
        return server.visited(target.databases)
    return ("",)
