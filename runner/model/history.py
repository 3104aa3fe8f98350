"""What the store remembers of a job's rows, and what an expression asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias

from runner.records import dataclass

Key: TypeAlias = tuple[str, ...]
"""The texts of the key columns, in the order of `key:`."""


class Series(NamedTuple):
    """One row over time: a database (empty for the instance) and a key. A tuple, because its hash is asked for every cell."""

    database: str = ""
    key: Key = ()

    def __str__(self) -> str:
        return "/".join(part for part in (self.database, ".".join(self.key)) if part)


class Form(Enum):
    """How an expression looks back."""

    PREVIOUS = "previous"
    NEAREST = "nearest"
    WINDOW = "window"

    __hash__ = object.__hash__  # members are singletons, and this is asked for every cell


class HistoryNeed(NamedTuple):
    """A column and a span in seconds: the last sample, the one nearest to `span` ago, or all within `span`."""

    form: Form
    column: str
    span: float = 0.0


Number: TypeAlias = "int | float | str | bool | None"
"""A recorded value in its base unit: bytes, seconds, shares of one; times as ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is left of several recorded values: how many were not null, and, when all were numbers, their extent."""

    count: int
    low: int | float | None = None
    high: int | float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded value and when it was seen (UTC); with a summary, the last of the several that it stands for."""

    at: datetime
    value: Number
    summary: Summary | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """The samples that one job's expressions asked for: per series and need, oldest first."""

    samples: Mapping[Series, Mapping[HistoryNeed, tuple[Sample, ...]]] = field(default_factory=dict)

    def of(self, series: Series, need: HistoryNeed) -> tuple[Sample, ...]:
        return self.samples.get(series, {}).get(need, ())


NO_PAST = Past()


@dataclass(frozen=True, slots=True)
class Seen:
    """When a job on a target was first seen, and its newest slot that is settled: run, missed or skipped (UTC).

    `evaluated` is the newest slot that was run to its end.
    """

    first: datetime
    slot: datetime
    evaluated: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Deliveries of one sink: how many wait, when the oldest of their reports was made, how many were given up lately."""

    sink: str
    waiting: int = 0
    oldest: datetime | None = None
    given_up: int = 0
