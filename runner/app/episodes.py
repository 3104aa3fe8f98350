"""Judged runs in a row as episodes: from when to when something was a problem, how bad, and how often it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from runner.api import Change, Dimension, Finding, Job, Memory, Outcome, Problem, Series, State, Transition
from runner.app.remembered import Remembered
from runner.engine.tick import SERIES_MEMORY
from runner.engine.track import track
from runner.expr import Environment, Expression, Quantity
from runner.expr.closures import value_of
from runner.expr.tree import Compare, Literal, Node, walk
from runner.judge import JudgedRow, Rule, needs
from runner.judge.recorded import judge_recorded
from runner.model.history import NO_PAST
from runner.records import dataclass
from runner.store.base import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One problem of one row. `end` is when it recovered, or the last run when it is not `over`.

    `worst` says in words why it was at its worst, with the values; `worst_at` when that was.
    """

    series: Series
    state: State
    start: datetime
    end: datetime
    over: bool
    worst: str
    worst_at: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the thresholds say about a history: runs by state, episodes by their start, and what would be sent.

    `changes` counts what happened by its kind, `reports` the runs that tell of any of it, `reminders` the runs that
    only remind: together what a sink gets that is sent changes.
    """

    warning: tuple[str, ...]
    critical: tuple[str, ...]
    states: Mapping[State, int]
    episodes: tuple[Episode, ...]
    changes: Mapping[Change, int]
    reports: int
    reminders: int

    @property
    def keys(self) -> tuple[Series, ...]:
        return tuple(sorted({episode.series for episode in self.episodes}))

    @property
    def seconds(self) -> float:
        """The time of all episodes together."""
        return sum(episode.seconds for episode in self.episodes)


_LEAST = float("-inf")


class _Cause(NamedTuple):
    """Why a row was a problem in one run, and how bad it was among those of its state."""

    rank: int
    size: float
    reason: str


@dataclass(slots=True)
class _Open:
    """An episode while it lasts."""

    start: datetime
    rank: tuple[int, float]
    state: State
    worst: str
    worst_at: datetime


@dataclass(slots=True)
class Judge:
    """One set of thresholds on its way through a history."""

    job: Job
    target: str
    rule: Rule
    params: Mapping[str, object]
    dimensions: Mapping[str, Dimension]
    _memory: Memory = field(default_factory=Memory)
    _open: dict[Series, _Open] = field(default_factory=dict)
    _episodes: list[Episode] = field(default_factory=list)
    _states: Counter[State] = field(default_factory=Counter)
    _changes: Counter[Change] = field(default_factory=Counter)
    _reports: int = 0
    _reminders: int = 0
    _last: datetime | None = None

    def see(self, sweep: Sweep, remembered: Remembered) -> None:
        """Judges one run after those before it."""
        outcome, causes = self._judged(sweep, remembered)
        seen = remembered.series(sweep.at - SERIES_MEMORY) if self.job.on_gone != "ok" else ()
        tracked = track(self.job, self.target, outcome, self._memory, sweep.at, seen)
        self._memory = tracked.memory
        if sweep.looked:
            self._states[tracked.outcome.state] += 1
        self._count(tracked.transitions, sweep.at)
        self._follow(tracked.memory.problems, causes, sweep.at)
        self._last = sweep.at

    def tally(self) -> Tally:
        last = self._last
        lasting = [_closed(series, item, last, over=False) for series, item in self._open.items()] if last else []
        return Tally(
            warning=tuple(item.text for item in self.rule.warning),
            critical=tuple(item.text for item in self.rule.critical),
            states=dict(self._states),
            episodes=tuple(sorted([*self._episodes, *lasting], key=lambda item: (item.start, item.series))),
            changes=dict(self._changes),
            reports=self._reports,
            reminders=self._reminders,
        )

    def _judged(self, sweep: Sweep, remembered: Remembered) -> tuple[Outcome, dict[Series, _Cause]]:
        if sweep.state is State.SKIPPED:
            return Outcome(summary="", skipped="it did not apply", looked=frozenset()), {}
        judged = judge_recorded(
            self.rule, sweep.observations, sweep.looked,
            past=remembered.past(sweep.at) if needs(self.rule) else NO_PAST,
            memory=self._memory, params=self.params, now=sweep.at, dimensions=self.dimensions,
        )  # fmt: skip
        bad = [row for row in (*judged.judgement.whole, *judged.judgement.rows) if row.state is not State.OK]
        outcome = Outcome(
            summary="",
            findings=tuple(
                Finding(state=row.state, message=row.reason, series=row.series, reason=row.reason) for row in bad
            ),
            observations=sweep.observations,
            looked=sweep.looked,
        )
        causes: dict[Series, _Cause] = {}
        for row in bad:
            cause = _Cause(row.state.rank, self._size(row, judged.environment(row)), row.reason)
            causes[row.series] = max(cause, causes.get(row.series, cause), key=lambda item: item.rank)
        return outcome, causes

    def _count(self, transitions: Sequence[Transition], at: datetime) -> None:
        self._changes.update(item.change for item in transitions)
        if transitions:
            self._reports += 1
        elif self._reminds(at):
            self._reminders += 1

    def _reminds(self, at: datetime) -> bool:
        """Whether the age of an open problem passed a multiple of `remind_every` since the run before."""
        every = self.job.remind_every
        if every <= 0 or self._last is None:
            return False
        ages = [((at - item.since).total_seconds(), (self._last - item.since).total_seconds())
                for item in self._memory.problems.values() if item.is_open]  # fmt: skip
        return any(age >= every and age // every > before // every for age, before in ages)

    def _follow(self, problems: Mapping[Series, Problem], causes: Mapping[Series, _Cause], at: datetime) -> None:
        for series in [series for series in self._open if not _is_open(problems.get(series))]:
            self._episodes.append(_closed(series, self._open.pop(series), at, over=True))
        for series, problem in problems.items():
            if not problem.is_open:
                continue
            cause = causes.get(series, _Cause(problem.state.rank, _LEAST, problem.message))
            known = self._open.get(series)
            start = known.start if known else problem.since
            if known is None or (problem.state.rank, cause.size) > known.rank:
                self._open[series] = _Open(start, (problem.state.rank, cause.size), problem.state, cause.reason, at)

    def _size(self, row: JudgedRow, environment: Environment | None) -> float:
        """How bad a row is among those of its state: the value that its threshold compares."""
        expression = next((item for item in self.rule.thresholds if item.text == row.threshold), None)
        if row.held or expression is None or environment is None:
            return _LEAST
        return size_of(expression, environment)


def size_of(expression: Expression, environment: Environment) -> float:
    """The value that the expression compares first, larger where it is worse."""
    gauge = next(_gauges(expression), None)
    if gauge is None:
        return 0.0
    node, sign = gauge
    found = value_of(expression, node)(environment)
    number = found.value if isinstance(found, Quantity) else None
    return sign * float(number) if isinstance(number, (int, Decimal, Fraction)) else _LEAST


def _is_open(problem: Problem | None) -> bool:
    return problem is not None and problem.is_open


def _closed(series: Series, item: _Open, end: datetime, *, over: bool) -> Episode:
    return Episode(
        series=series, state=item.state, start=item.start, end=end, over=over, worst=item.worst,
        worst_at=item.worst_at,
    )  # fmt: skip


def _gauges(expression: Expression) -> Iterator[tuple[Node, int]]:
    """What is compared with something, and whether more of it is worse or less."""
    for node in walk(expression.tree):
        if isinstance(node, Compare):
            sign = -1 if node.operator in ("<", "<=") else 1
            yield (node.right, -sign) if isinstance(node.left, Literal) else (node.left, sign)
