"""Which sink gets which part of a report; every decision has a named reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from fnmatch import fnmatchcase

from runner.model.home import Home, Route, Send, Silence, SinkSettings
from runner.model.job import Schedule, Window
from runner.model.problem import Change
from runner.model.report import Report
from runner.model.result import Result
from runner.model.target import Target
from runner.report.silence import muted
from runner.schedule.steps import latest

GIVE_UP_AFTER = timedelta(hours=24)


class Reason(Enum):
    """Why a sink gets a report or does not; the later ones outweigh the earlier ones."""

    NOT_ROUTED = "no route leads to it"
    NOTHING_MATCHES = "no result has one of its states"
    SILENCED = "what it would get is silenced"
    NOTHING_NEW = "nothing changed and no reminder is due"
    REMINDER = "a problem lasts and its reminder is due"
    CHANGED = "something changed"
    MATCHED = "a result has one of its states"
    EVERY = "it gets every report"

    @property
    def sends(self) -> bool:
        return self in _SENDING

    @property
    def weight(self) -> int:
        return _ORDER[self]


_ORDER = {reason: position for position, reason in enumerate(Reason)}
_SENDING = frozenset({Reason.REMINDER, Reason.CHANGED, Reason.MATCHED, Reason.EVERY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """One sink's part of a report: only the results that it asked for, or none and the reason."""

    sink: str
    reason: Reason
    report: Report | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides about routing. `remind_every` gives seconds by job; 0 never reminds.

    `changes_only` are sink types that get only what changed unless their sink says otherwise.
    """

    sinks: Mapping[str, SinkSettings]
    routes: tuple[Route, ...] = ()
    silences: tuple[Silence, ...] = ()
    windows: Mapping[str, Window] = field(default_factory=dict)
    remind_every: Mapping[str, float] = field(default_factory=dict)
    remind_by_default: float = 21600.0
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    changes_only: frozenset[str] = frozenset()


def rules_of(home: Home, changes_only: Iterable[str] = (), silences: Iterable[Silence] = ()) -> Rules:
    """The rules of a home; `silences` are those that the store holds beside runner.yaml's own."""
    settings = home.settings
    return Rules(
        sinks=settings.sinks,
        routes=settings.routes,
        silences=(*settings.silences, *silences),
        windows=settings.windows,
        remind_every={job.name: job.remind_every for job in home.jobs},
        remind_by_default=settings.remind_every,
        schedules={job.name: job.schedule for job in home.jobs if job.schedule},
        changes_only=frozenset(changes_only),
    )


def route(report: Report, rules: Rules) -> tuple[Routed, ...]:
    """The decision for each sink. It depends on the report and the rules alone, so a later try makes it again."""
    return tuple(route_one(report, name, rules) for name in rules.sinks)


def route_one(report: Report, sink: str, rules: Rules) -> Routed:
    """The decision for one sink, which must be among the rules' sinks."""
    settings = rules.sinks[sink]
    routes = [item for item in rules.routes if sink in item.sinks and _any(item.groups, report.group)]
    if rules.routes and not routes:
        return Routed(sink=sink, reason=Reason.NOT_ROUTED)
    judge = _Judge(report, rules, _sends(settings, rules), routes)
    heard = [muted(result, report, judge.target(result), rules.silences, rules.windows) for result in report.results]
    kept = [(result, reason) for result in heard if (reason := judge.reason(result)).sends]
    if kept:
        return Routed(sink=sink, reason=_strongest(reason for _, reason in kept), report=_slice(report, kept))
    if not report.results and judge.takes_everything:
        return Routed(sink=sink, reason=Reason.EVERY, report=report)
    if any(judge.reason(result).sends for result in report.results):
        return Routed(sink=sink, reason=Reason.SILENCED)
    return Routed(sink=sink, reason=_strongest(judge.reason(result) for result in heard))


def deliveries_for(report: Report, rules: Rules) -> tuple[tuple[str, datetime], ...]:
    """The sinks that get something of the report, and when each delivery is given up."""
    expires = report.created + GIVE_UP_AFTER
    return tuple((routed.sink, expires) for routed in route(report, rules) if routed.report is not None)


def reminder_due(result: Result, before: datetime | None, every: float) -> bool:
    """Whether a problem's age passed a multiple of `every` seconds since the slot before this one.

    Without a slot before, every run of an old enough problem reminds. 0 never does.
    """
    if every <= 0:
        return False
    began = [item.since for item in result.outcome.findings if item.state.is_problem and not item.pending]
    return any(since is None or _passed(result.slot, before, since, every) for since in began)


def _passed(slot: datetime, before: datetime | None, since: datetime, every: float) -> bool:
    age = (slot - since).total_seconds()
    age_before = (before - since).total_seconds() if before else age - every
    return age >= every and age // every > age_before // every


class _Judge:
    def __init__(self, report: Report, rules: Rules, sends: tuple[Send, ...], routes: list[Route]) -> None:
        self._rules, self._sends, self._routes = rules, sends, routes
        self._targets = {info.name: Target(name=info.name, options={}, labels=info.labels) for info in report.targets}

    @property
    def takes_everything(self) -> bool:
        return "all" in self._sends and (not self._rules.routes or any("all" in item.states for item in self._routes))

    def target(self, result: Result) -> Target:
        return self._targets.get(result.target) or Target(name=result.target, options={})

    def reason(self, result: Result) -> Reason:
        """The sink and one of its routes must both want the result; the weaker of the two reasons holds."""
        by_sink = self._wanted(self._sends, result)
        if not self._rules.routes:
            return by_sink
        by_route = [self._wanted(item.states, result) for item in self._routes if self._matches(item, result)]
        return min(by_sink, _strongest(by_route), key=lambda reason: reason.weight)

    def _slot_before(self, result: Result) -> datetime | None:
        schedule = self._rules.schedules.get(result.job)
        return latest(schedule, result.slot - timedelta(microseconds=1)) if schedule else None

    def _matches(self, item: Route, result: Result) -> bool:
        tagged = not item.tags or bool(set(item.tags) & set(result.tags))
        return tagged and _any(item.jobs, result.job) and item.targets.admits(self.target(result))

    def _wanted(self, sends: tuple[Send, ...], result: Result) -> Reason:
        if "all" in sends:
            return Reason.EVERY
        named = result.state.value in sends or (result.state.is_problem and "problems" in sends)
        if named and not result.state.is_problem:
            return Reason.MATCHED
        if result.transitions and (named or "changes" in sends):
            return Reason.CHANGED
        if "recovered" in sends and _recovered(result, sends):
            return Reason.CHANGED
        if named or ("changes" in sends and result.state.is_problem):
            every = self._rules.remind_every.get(result.job, self._rules.remind_by_default)
            due = reminder_due(result, self._slot_before(result), every)
            return Reason.REMINDER if due else Reason.NOTHING_NEW
        return Reason.NOTHING_MATCHES


def _sends(settings: SinkSettings, rules: Rules) -> tuple[Send, ...]:
    changes_only = settings.type in rules.changes_only and settings.send == ("all",)
    return ("changes",) if changes_only else settings.send


def _recovered(result: Result, sends: tuple[Send, ...]) -> bool:
    """A recovery is told to whom the problem was told: a sink that names states hears of those only."""
    states = {"warning", "critical", "unknown"} & set(sends)
    return any(
        item.change is Change.RECOVERED and (not states or "problems" in sends or item.before.value in states)
        for item in result.transitions
    )


def _slice(report: Report, kept: list[tuple[Result, Reason]]) -> Report:
    names = {result.target for result, _ in kept}
    targets = tuple(info for info in report.targets if info.name in names)
    return replace(report, results=tuple(result for result, _ in kept), targets=targets)


def _strongest(reasons: Iterable[Reason]) -> Reason:
    return max(reasons, key=lambda reason: reason.weight, default=Reason.NOTHING_MATCHES)


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
