"""What a store does, and the records that it hands out: the same for every kind of store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from datetime import datetime
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from runner.api import HistoryReader
from runner.model.history import Sample, Series
from runner.model.home import Silence
from runner.model.problem import Acknowledgement, Announced, Identity, Memory, Problem, Transition
from runner.model.report import NOTHING_TOLD, Delivery, Report, Told, Waiting
from runner.model.result import Observation, Result
from runner.model.state import State
from runner.records import dataclass

Status: TypeAlias = Literal["running", "done", "interrupted", "missed", "skipped"]
"""`missed` and `skipped` slots were decided without a run."""

Decision: TypeAlias = Literal["missed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorRecord:
    """The newest slot of a job on a target that is settled, the job's digest then, and when it was first seen.

    `retired` is when the home stopped having the job on the target.
    """

    job: str
    target: str
    slot: datetime
    digest: str
    first_seen: datetime
    retired: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A tick's wish to run a job on a target for a slot."""

    run: str
    job: str
    kind: str
    group: str
    target: str
    slot: datetime
    tick: str
    now: datetime
    digest: str = ""
    attempt: int = 1
    wave: str = ""
    """The tick that hands the run out, when it does not perform it: the results of a wave are told together."""
    scheduled: bool = True
    """False for a run that was asked for by name: it settles no slot of the schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A slot and what became of it; `run` and `started` are empty when it was decided without a run.

    A decision, and an old run that was ok, can stand for `slots` slots of the schedule, the oldest of which is `since`.
    """

    run: str
    job: str
    kind: str
    group: str
    target: str
    slot: datetime
    attempt: int
    status: Status
    reason: str = ""
    state: State | None = None
    summary: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    tick: str = ""
    slots: int = 1
    since: datetime | None = None
    wave: str = ""

    @property
    def waits(self) -> bool:
        """Whether it was handed out and nobody has begun it; `reason` says why when a worker refused it."""
        return self.status == "running" and self.wave != "" and self.tick == self.wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A result, and all problems of its job and target as they are after it."""

    result: Result
    problems: Mapping[Series, Problem] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What one run saw: the databases that it looked at, its rows as they were recorded, and its state then.

    `state` is None when the run itself is forgotten and only its rows are left. With a `span` it is no run: it stands
    for all runs of an hour or a day (so many seconds), its rows are the last of each, and `summaries` says the rest.
    """

    at: datetime
    looked: frozenset[str]
    state: State | None = None
    observations: tuple[Observation, ...] = ()
    span: int = 0
    summaries: Mapping[Series, Mapping[str, Sample]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickRecord:
    """The last tick, when it was, and what it counted."""

    id: str
    at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many samples a pruning removed or merged, and how many runs it removed; unfinished, the next tick goes on."""

    samples: int
    runs: int
    finished: bool = True


class Store(HistoryReader, Protocol):
    """History, problems and deliveries. Every method is one transaction and raises StoreError.

    It may be used from several threads; calls wait for each other.
    """

    @property
    def durable(self) -> bool:
        """Whether anything outlives the process; without it no cursor is known and every slot can be claimed."""

    # ---- who is alive

    def hold(self, name: str) -> AbstractContextManager[object]:
        """A lock that everybody who uses this store sees until it is left or this process ends; waits for a holder."""

    def is_held(self, name: str) -> bool:
        """Whether a process that lives holds the lock; no process id is compared and no clock is asked."""

    # ---- slots and runs

    def cursors(self) -> Mapping[tuple[str, str], CursorRecord]:
        """By job and target."""

    def anchor(self, job: str, target: str, slot: datetime, digest: str, now: datetime) -> None:
        """Sets the cursor, also backwards, without running anything."""

    def claim(self, *claims: Claim) -> frozenset[str]:
        """Records each run as running and moves its cursor forward, all in one transaction; the runs that were won.

        Not won is a slot that was decided, has a run that was not interrupted, or has this attempt or a later one.
        """

    def decide(
        self,
        *,
        job: str,
        kind: str,
        group: str,
        target: str,
        slot: datetime,
        status: Decision,
        reason: str,
        now: datetime,
        digest: str = "",
        slots: int = 1,
        since: datetime | None = None,
    ) -> bool:
        """Settles a slot without a run and moves the cursor forward; False when the slot is settled already.

        It may stand for so many slots, the oldest of which is `since`.
        """

    def retire(self, job: str, target: str, now: datetime) -> bool:
        """Notes when the home stopped having the job on the target, until its next slot; False when that is known."""

    def take_over(self, run: str, reason: str, claim: Claim) -> bool:
        """Marks a running run as interrupted and claims its slot at the next attempt, in one step.

        False when it is not running any more, or the attempt was claimed by somebody else.
        """

    def slot(self, job: str, target: str, slot: datetime) -> RunRecord | None:
        """What became of the slot: its newest attempt, or the decision about it."""

    def slots(self, slot: datetime) -> Mapping[tuple[str, str], RunRecord]:
        """The same of all jobs and targets that have something for the slot."""

    def running(self) -> tuple[RunRecord, ...]:
        """Runs that were claimed and have not ended, the oldest first."""

    def interrupt(self, run: str, reason: str, now: datetime) -> bool:
        """Marks a running run as interrupted; False when it is not running any more."""

    def begin(self, claimed: Collection[str], wave: str, tick: str) -> frozenset[str]:
        """Those of the runs that still wait in the wave are the tick's from now on; they are returned."""

    def put_off(self, claimed: Collection[str], wave: str, reason: str) -> None:
        """Notes why a worker did not begin the runs, which wait on."""

    def runs(
        self,
        job: str | None = None,
        *,
        group: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[RunRecord, ...]:
        """The newest first; `since` compares slots."""

    # ---- results and problems

    def record(
        self,
        results: Sequence[Recorded],
        *,
        report: Report | None,
        deliveries: Sequence[tuple[str, datetime]],
        now: datetime,
    ) -> None:
        """Commits results, samples, problems, transitions, the report and its deliveries: all or nothing.

        `deliveries` are names of sinks and when each gives up. Runs must have been claimed.
        """

    def record_in_wave(
        self,
        results: Sequence[Recorded],
        *,
        wave: str,
        group: str,
        report: Callable[[Sequence[Result]], tuple[Report, Sequence[tuple[str, datetime]]]],
        now: datetime,
    ) -> Report | None:
        """Commits results of one group; with the last of the wave also the report on all of them and its deliveries.

        `report` makes them from what nobody has told yet; it may be called again. None while others still run.
        """

    def unreported(self, alive: Collection[str] = ()) -> tuple[Result, ...]:
        """Results that are part of no report, the oldest first; not those of these ticks."""

    def reporting(self) -> frozenset[str]:
        """The ticks, dead ones included, whose results are part of no report yet; those of waves are nobody's."""

    def adopt(self, tick: str, alive: Collection[str]) -> tuple[Result, ...]:
        """The same, which this tick reports from now on: while it lives others find nothing unreported of it."""

    def latest(self, job: str | None = None) -> tuple[Result, ...]:
        """The newest result of each job and target."""

    def memory(self, job: str, target: str) -> Memory:
        """The problems that the last run of the job on the target left."""

    def problems(self, *, open_only: bool = True) -> tuple[Problem, ...]:
        """Of all jobs; pending ones only when asked for."""

    def transitions(
        self, job: str | None = None, since: datetime | None = None, limit: int = 50
    ) -> tuple[Transition, ...]:
        """The newest first."""

    def series(self, job: str, target: str, since: datetime) -> frozenset[Series]:
        """The rows that were recorded from `since` on, for keys that are gone."""

    def sweeps(self, job: str, target: str, since: datetime) -> Iterator[Sweep]:
        """All that was recorded from `since` on, run by run, the oldest first; each is read when it is asked for."""

    # ---- deliveries

    def pending(self) -> tuple[Waiting, ...]:
        """Deliveries that are neither done nor given up, due or not, in the order in which they were recorded."""

    def report(self, report_id: str) -> Report:
        """A report that was recorded and is kept: one that something waits for always is."""

    def pending_count(self) -> int:
        """Deliveries that are neither done nor given up, due or not."""

    def failed_deliveries(self) -> tuple[Delivery, ...]:
        """Deliveries that were given up, the oldest first."""

    def settle(self, delivery: Delivery, told: Told = NOTHING_TOLD) -> None:
        """Keeps the state, attempts, next try and error of a delivery, and what its sink was told."""

    # ---- what is known of problems, and silences

    def announced(self, sink: str) -> Announced:
        """The problems that the sink was told of and that are not known to be over."""

    def acknowledge(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        """Keeps them until the problem changes its state or is over; one replaces an earlier one of the problem."""

    def acknowledged(self, now: datetime) -> tuple[Acknowledgement, ...]:
        """Those whose time is not over."""

    def unacknowledge(self, identities: Iterable[Identity]) -> None:
        """Forgets the acknowledgements of these problems, if there are any."""

    def add_silence(self, silence: Silence, now: datetime) -> str:
        """Keeps a silence, which must have an end, and returns its id: `s1`, `s2` and so on, none of them twice."""

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """Those of `add_silence` that have not ended, the oldest first."""

    def remove_silences(self, ids: Iterable[str]) -> None:
        """Ends the silences with these ids, if there are any."""

    # ---- upkeep

    def tick(self, tick_id: str, now: datetime, counts: Mapping[str, int] | None = None) -> None:
        """The heartbeat: replaces what the last tick left."""

    def last_tick(self) -> TickRecord | None: ...

    def prune(
        self,
        now: datetime,
        keep_samples: float,
        keep_runs: float,
        *,
        keep_hourly: float | None = None,
        keep_daily: float | None = None,
    ) -> Pruned | None:
        """Forgets what is older than so many seconds; None when it was finished within the last day.

        Samples older than `keep_samples` become one batch an hour, older than `keep_hourly` one a day (UTC), and go
        after `keep_daily`; what is not given is as short as the one before. The newest result of each job and target,
        problems, and what is not yet reported or delivered stay. What is much is left to the next ticks.
        """

    def close(self) -> None:
        """Idempotent."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
