"""All that a plugin may import: what it registers, what it is handed, and the words of the model.

Every registered thing is a frozen description. A factory may be a callable or a `"module:attr"` text;
the text is resolved on first use, so that registering costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from runner.clock import Clock
from runner.errors import (
    ConfigurationError,
    ExecutorError,
    ExpressionError,
    PluginError,
    RetryableSinkError,
    RunnerError,
    ScheduleError,
    SinkError,
    StoreError,
    TargetError,
)
from runner.handing import (
    EXECUTORS,
    LOCAL,
    Batch,
    Executor,
    ExecutorContext,
    ExecutorType,
    HandedRun,
    PutOff,
    WorkContext,
    read_batch,
)
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.history import Backlog, HistoryNeed, Key, Past, Sample, Seen, Series
from runner.model.inventory import SourceState
from runner.model.job import Job, Scope
from runner.model.node import Entry, MappingNode, Node, Scalar, SequenceNode, plain
from runner.model.problem import Acknowledgement, Change, Memory, Problem, Transition
from runner.model.quantity import Dimension
from runner.model.query import Answer, Notice, Query, QueryError, Row, Rows, ServerFacts
from runner.model.report import Delivery, Fault, Report, TargetInfo
from runner.model.result import (
    Column,
    Finding,
    Observation,
    Outcome,
    Result,
    Table,
    Trend,
    skipped,
    unknown,
)
from runner.model.secret import Secret, revealed
from runner.model.state import State, worst
from runner.model.target import Target
from runner.net.answer import WORTH_RETRYING, HttpAnswer
from runner.net.deadline import Deadline
from runner.net.http import basic_auth, http_send
from runner.offers import (
    Advice,
    CheckPack,
    Command,
    DoctorCheck,
    DoctorContext,
    Function,
    SecretSource,
    SourceContext,
    TargetRow,
    TargetSourceType,
    Tick,
)  # fmt: skip
from runner.plugins.markers import hookimpl
from runner.records import dataclass
from runner.template import clean

API_VERSION = (1, 0)

Options: TypeAlias = Mapping[str, Any]
"""Settings of one sink, format or probe: validated by its JSON Schema, secrets as `Secret`."""

JsonSchema: TypeAlias = Mapping[str, Any]
"""Properties by name: `{"path": {"type": "string", "description": "…"}}`."""


# ---- sinks and formats


class Sink(Protocol):
    """Carries reports somewhere. Called at least once per report, from a worker thread."""

    def emit(self, report: Report) -> None:
        """Deliver, or raise SinkError (useless to repeat) or RetryableSinkError (try again later)."""

    def close(self) -> None:
        """Idempotent; called also after a failed emit."""


class SinkContext(Protocol):
    """All that a sink may touch."""

    @property
    def name(self) -> str: ...

    @property
    def home(self) -> Path: ...

    @property
    def state_dir(self) -> Path: ...

    @property
    def timeout(self) -> float: ...

    @property
    def dry_run(self) -> bool: ...

    def format(self, name: str, **options: object) -> Callable[[Report], str]:
        """The renderer of a registered format."""

    def format_of(self, name: str) -> Format:
        """The registered format itself: its media type and the ending of its files."""

    def write_stdout(self, text: str) -> None:
        """The process's standard output; a sink never prints by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkType:
    """A way to carry reports. `accepts_format` adds the option `format`, by default `default_format`."""

    type: str
    summary: str
    open: str | Callable[[Options, SinkContext], Sink]
    options: JsonSchema = field(default_factory=dict)
    required: tuple[str, ...] = ()
    delivery: Literal["every", "changes"] = "every"
    accepts_format: bool = False
    default_format: str = "text"
    starts_programs: bool = False
    """True when it is refused unless runner.yaml allows its type."""


class FormatContext(Protocol):
    """What a format may look at beside the report: the home's own templates."""

    @property
    def templates(self) -> tuple[Path, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A pure function from a report to text."""

    name: str
    summary: str
    media_type: str
    extension: str
    render: str | Callable[[Report, Options, FormatContext], str]
    options: JsonSchema = field(default_factory=dict)


# ---- kinds of jobs


class CompileContext(Protocol):
    """Helps a kind to turn its YAML into a spec, and gathers complaints instead of stopping at the first."""

    @property
    def params(self) -> Mapping[str, object]:
        """The job's parameters with their default values."""

    def complain(self, code: str, span: Span, message: str, hint: str = "") -> None: ...

    def advise(self, code: str, span: Span, message: str, hint: str = "") -> None: ...

    def probe(self, name: str) -> ProbeType | None: ...

    @property
    def functions(self) -> Mapping[str, Function]:
        """What plugins registered for expressions."""


class HistoryReader(Protocol):
    """What the store remembers; never raises for an empty past."""

    def past(self, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime) -> Past: ...

    def trend(self, job: str, target: str, column: str, since: datetime) -> Mapping[Series, tuple[Sample, ...]]: ...

    def run_statistics(self, since: datetime) -> Sequence[Mapping[str, object]]:
        """One mapping per job and target: job, target, group, runs, failed, interrupted, last_started,

        last_state, last_slot; only runs whose slot is after `since`.
        """

    def latest(self, job: str | None = None) -> Sequence[Result]:
        """The newest result of the job on each of its targets, of all jobs without a name."""

    def seen(self) -> Mapping[tuple[str, str], Seen]:
        """What is known of each job and target since they were first looked at, however long ago."""

    def backlog(self) -> Sequence[Backlog]:
        """Each sink that has deliveries; those that were given up count for a day after the newest report."""

    def problems(self) -> Sequence[Problem]:
        """The open problems of all jobs."""


class Session(Protocol):
    """One connection in autocommit, for kinds that change data. Closed by the engine at the latest."""

    def execute(
        self,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        timeout: float | None = None,
        shielded: bool = False,
    ) -> Answer:
        """Runs one statement alone and waits; notices are in the answer.

        A shielded one is not cancelled when the run is stopped: for what has to be cleaned up, and with a timeout.
        """

    def cancel(self) -> None:
        """Ends the statement that is running, if any; may be called from another thread."""

    def close(self) -> None:
        """Gives the connection back before the run ends; a second time does nothing."""


class RunContext(Protocol):
    """Everything that one run of a job on one target may use."""

    @property
    def run_id(self) -> str: ...

    @property
    def slot(self) -> datetime: ...

    @property
    def now(self) -> datetime: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def home(self) -> Path: ...

    @property
    def target(self) -> Target | None:
        """None for jobs of the host."""

    @property
    def server(self) -> ServerFacts | TargetError | None:
        """Facts of the server, or why there are none; None for jobs of the host."""

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases to visit: `("",)`, the target's own, unless the job says `for_each: database`."""

    @property
    def params(self) -> Mapping[str, object]:
        """Parameters with the target's and the command line's values."""

    @property
    def memory(self) -> Memory:
        """The problems that the run before left."""

    @property
    def history(self) -> HistoryReader: ...

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job of the home."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every target of the home."""

    @property
    def target_sources(self) -> tuple[SourceState, ...]:
        """What is known of each source of targets (`targets_from:`)."""

    def ask(self, target: Target, queries: Sequence[Query]) -> Sequence[Answer]:
        """Asks another target than the run's own, read-only, on a connection for these queries; never raises."""

    @property
    def dry_run(self) -> bool: ...

    def deadline(self) -> float | None:
        """Seconds left before the run must have ended; None without a limit."""

    def session(self, database: str = "") -> Session:
        """A writable autocommit connection (kinds with `changes_data`), each time a new one; raises TargetError."""

    def probe(self, name: str, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
        """The rows of a registered probe: `rows = yield from context.probe(…)`."""

    def console(self, options: Mapping[str, str], statements: Sequence[str], *, timeout: float) -> Sequence[Answer]:
        """Asks something that speaks PostgreSQL's protocol and is none (PgBouncer's console), on a connection of its own.

        `options` are libpq's keywords; each statement has so many seconds. Raises TargetError.
        """

    def progress(self, text: str, share: float | None = None) -> None:
        """Tells an interactive user what is being done, and how much of it is done, from 0 to 1; silent under cron.

        With a share it is drawn as a bar where that is possible, and an empty text leaves the text as it was; elsewhere
        it is a line, or nothing.
        """

    def next_due(self, job: Job, after: datetime) -> datetime | None: ...

    def previous_due(self, job: Job, before: datetime) -> datetime | None: ...


Conversation: TypeAlias = Generator[Sequence[Query], Sequence[Answer], Outcome]
"""A run that only reads: it yields queries, is sent their answers in order, and returns its outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job; its `name` is the key that names the job in YAML.

    `read` compiles the job's YAML (all keys beside the common ones) to a spec. Exactly one of `run`
    (does its work and waits) and `converse` (yields queries, so that all due jobs on one server share
    round trips) is given. Raised RunnerErrors become an unknown result, other errors a fault.
    """

    name: str
    summary: str
    read: str | Callable[[MappingNode, CompileContext], object]
    options: JsonSchema = field(default_factory=dict)
    required: tuple[str, ...] = ()
    run: str | Callable[[RunContext, Job], Outcome] | None = None
    converse: str | Callable[[RunContext, Job], Conversation] | None = None
    scope: Scope = Scope.INSTANCE
    changes_data: bool = False
    starts_programs: bool = False
    spec: str | type | None = None
    """What `read` returns: a frozen dataclass of plain values and others like it. Then jobs can be kept compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeType:
    """A way for checks to get rows that is not SQL; `needs_server` is false for probes of the host."""

    name: str
    summary: str
    fetch: str | Callable[[RunContext, Options], Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]]
    options: JsonSchema = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    needs_server: bool = True
    survives_unreachable: bool = False
    """True when an unreachable server is what the probe measures."""


__all__ = [
    "API_VERSION", "EXECUTORS", "LOCAL", "WORTH_RETRYING", "Acknowledgement", "Advice", "Answer", "Backlog", "Batch",
    "Change", "CheckPack", "Clock", "Column", "Command", "CompileContext", "ConfigurationError", "Conversation",
    "Deadline", "Delivery", "Diagnostic", "Dimension", "DoctorCheck", "DoctorContext", "Entry", "Executor",
    "ExecutorContext", "ExecutorError", "ExecutorType", "ExpressionError", "Fault", "Finding", "Format",
    "FormatContext", "Function", "HandedRun", "HistoryNeed", "HistoryReader", "HttpAnswer", "Job", "JobKind",
    "JsonSchema", "Key", "MappingNode", "Memory", "Node", "Notice", "Observation", "Options", "Outcome", "Past",
    "PluginError", "ProbeType", "Problem", "PutOff", "Query", "QueryError", "Report", "Result", "RetryableSinkError",
    "Row", "Rows", "RunContext", "RunnerError", "Sample", "Scalar", "ScheduleError", "Scope", "Secret", "SecretSource",
    "Seen", "SequenceNode", "Series", "ServerFacts", "Session", "Severity", "Sink", "SinkContext", "SinkError",
    "SinkType", "SourceContext", "SourceState", "Span", "State", "StoreError", "Table", "Target", "TargetError",
    "TargetInfo", "TargetRow", "TargetSourceType", "Tick", "Transition", "Trend", "WorkContext", "basic_auth", "clean",
    "hookimpl", "http_send", "plain", "read_batch", "revealed", "skipped", "unknown", "worst",
]  # fmt: skip
