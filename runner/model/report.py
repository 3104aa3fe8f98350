"""What sinks see: the results of one group (or one job asked for by name), and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import Enum

from runner.model.problem import Announced, Identity, Transition
from runner.model.result import Result
from runner.model.state import State, worst
from runner.records import dataclass

SCHEMA = "runner.report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A failure of the machinery or of a plugin, never of the database."""

    where: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """A target as reports name it."""

    name: str
    address: str = ""
    version: str = ""
    role: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`id` is stable: the same slot of the same group makes the same id, so receivers can drop repeats."""

    id: str
    group: str
    title: str
    slot: datetime
    created: datetime
    results: tuple[Result, ...] = ()
    targets: tuple[TargetInfo, ...] = ()
    faults: tuple[Fault, ...] = ()
    next_slot: datetime | None = None

    @property
    def state(self) -> State:
        return worst(result.state for result in self.results)

    @property
    def transitions(self) -> tuple[Transition, ...]:
        return tuple(transition for result in self.results for transition in result.transitions)


class DeliveryState(Enum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One report for one sink; after `expires` it is given up."""

    id: str
    report: Report
    sink: str
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_try: datetime | None = None
    expires: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A delivery that is still to be made, without its report: thousands may wait. `report` is the report's id."""

    id: str
    report: str
    group: str
    sink: str
    attempts: int = 0
    next_try: datetime | None = None
    expires: datetime | None = None
    error: str = ""

    def with_report(self, report: Report) -> Delivery:
        return Delivery(
            id=self.id, report=report, sink=self.sink, attempts=self.attempts, next_try=self.next_try,
            expires=self.expires, error=self.error,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a sink knows after a report: problems that it heard of, and problems that are over."""

    open: Announced = field(default_factory=dict)
    over: frozenset[Identity] = frozenset()


NOTHING_TOLD = Told()
