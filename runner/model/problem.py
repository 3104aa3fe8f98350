"""Problems over time: what the store keeps between runs, and what changed in this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from runner.model.history import Series
from runner.model.state import State
from runner.records import dataclass


class Change(Enum):
    """The named reason of a transition."""

    OPENED = "opened"
    WORSENED = "worsened"
    EASED = "eased"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A finding that lasts. Its identity is job + target + series, never its thresholds or its text.

    While `opened` is None it is pending: seen `count` runs in a row since `since`, not yet counted.
    """

    job: str
    target: str
    series: Series
    state: State
    since: datetime
    seen: datetime
    count: int = 1
    opened: datetime | None = None
    message: str = ""

    @property
    def is_open(self) -> bool:
        return self.opened is not None

    @property
    def identity(self) -> Identity:
        return (self.job, self.target, self.series)


Identity: TypeAlias = tuple[str, str, Series]
"""What makes a problem the same over time: job, target and series."""

Announced: TypeAlias = Mapping[Identity, State]
"""The problems that one sink was told of, and the state that it heard last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody knows of an open problem: it makes no reminders while it keeps this state, or until then."""

    job: str
    target: str
    series: Series
    state: State
    author: str
    at: datetime
    reason: str = ""
    until: datetime | None = None

    @property
    def identity(self) -> Identity:
        return (self.job, self.target, self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A problem that opened, changed its state, or recovered."""

    job: str
    target: str
    series: Series
    before: State
    after: State
    change: Change
    at: datetime
    since: datetime
    message: str = ""

    @property
    def identity(self) -> Identity:
        return (self.job, self.target, self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The problems of one job on one target as the last run left them."""

    problems: Mapping[Series, Problem] = field(default_factory=dict)

    def open_state(self, series: Series) -> State:
        """The state of an open problem, ok when there is none."""
        problem = self.problems.get(series)
        return problem.state if problem and problem.is_open else State.OK
