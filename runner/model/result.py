"""What one run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from runner.model.history import Number, Sample, Series
from runner.model.problem import Acknowledgement, Transition
from runner.model.quantity import Dimension
from runner.model.state import State, worst
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not ok: a row, a whole result, or a database that could not be looked at.

    `reason` says why an unknown is unknown, `hint` what to do about this very finding. A pending finding
    waits for its `for:` and does not count; `since` is when the problem began, filled in by the engine, and
    `acknowledged` who knows of it, filled in when it is reported.
    """

    state: State
    message: str
    series: Series = Series()
    reason: str = ""
    hint: str = ""
    pending: bool = False
    since: datetime | None = None
    acknowledged: Acknowledgement | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is a problem that counts."""
        return self.state.is_problem and not self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One measured row: its numbers in base units, recorded for history and shown as metrics."""

    series: Series = Series()
    values: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column of observations measures; thresholds as they are written, for perfdata."""

    name: str
    dimension: Dimension
    warning: str = ""
    critical: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows to show as they are: a detail query, sizes before and after. Cells are already text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()
    more: int = 0
    """How many rows were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A column's recent course, oldest first, for a sparkline."""

    column: str
    series: Series
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a kind returns. `looked` names the databases that were really looked at (`""`: the instance):

    a problem in a database that was not looked at is neither confirmed nor recovered.
    """

    summary: str
    findings: tuple[Finding, ...] = ()
    observations: tuple[Observation, ...] = ()
    columns: tuple[Column, ...] = ()
    tables: tuple[Table, ...] = ()
    trends: tuple[Trend, ...] = ()
    looked: frozenset[str] = frozenset({""})
    skipped: str = ""
    """The reason when nothing applied."""
    held: bool = False
    """Skipped for a reason that has nothing to do with the server: open problems stay as they are."""
    notes: tuple[str, ...] = ()
    """Said in every report, whatever the state: relations that were locked, rows that were cut."""
    key: tuple[str, ...] = ()
    """The names of the columns that identify a row: those of the texts of its series' key."""

    @property
    def state(self) -> State:
        if self.skipped and not self.findings:
            return State.SKIPPED
        return worst(finding.state for finding in self.findings if not finding.pending)


def unknown(reason: str, *, hint: str = "") -> Outcome:
    """The outcome of a run that could not look at all, and what to do about it."""
    finding = Finding(state=State.UNKNOWN, message=reason, reason=reason, hint=hint)
    return Outcome(summary=reason, findings=(finding,), looked=frozenset())


def skipped(reason: str) -> Outcome:
    """The outcome of a run that does not apply here."""
    return Outcome(summary=reason, skipped=reason, looked=frozenset())


def held_back(reason: str) -> Outcome:
    """The outcome of a run that was passed over, although it applies here."""
    return Outcome(summary=reason, skipped=reason, looked=frozenset(), held=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one run with its circumstances and the transitions that followed from it."""

    run: str
    job: str
    kind: str
    group: str
    title: str
    target: str
    slot: datetime
    started: datetime
    finished: datetime
    outcome: Outcome
    transitions: tuple[Transition, ...] = ()
    hint: str = ""
    runbook: str = ""
    tags: tuple[str, ...] = ()
    order: int = 0

    @property
    def state(self) -> State:
        return self.outcome.state

    def with_outcome(self, outcome: Outcome) -> Result:
        return replace(self, outcome=outcome)
