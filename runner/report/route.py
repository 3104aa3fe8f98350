"""Which sink gets which part of a report; every decision has a named reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import Enum
from fnmatch import fnmatchcase

from runner.model.home import Home, Route, Send, Silence, SinkSettings
from runner.model.job import Schedule, Window
from runner.model.problem import Acknowledgement, Announced, Change, Identity
from runner.model.report import NOTHING_TOLD, Report, Told
from runner.model.result import Result
from runner.model.target import Target
from runner.records import dataclass
from runner.report.hold import is_quiet, without_held
from runner.report.known import first_told, still_known, told_by, with_acknowledged
from runner.report.silence import muted
from runner.schedule.steps import latest

GIVE_UP_AFTER = timedelta(hours=24)


class Reason(Enum):
    """Why a sink gets a report or does not; the later ones outweigh the earlier ones."""

    NOT_ROUTED = "no route leads to it"
    NOTHING_MATCHES = "no result has one of its states"
    TOO_YOUNG = "the problem has not lasted long enough for its route, or is acknowledged"
    QUIET = "its route has quiet hours"
    SILENCED = "what it would get is silenced"
    NOTHING_NEW = "nothing changed and no reminder is due"
    ACKNOWLEDGED = "a reminder is due, but the problem is acknowledged"
    REMINDER = "a problem lasts and its reminder is due"
    FIRST_TOLD = "a problem lasts of which the sink was not told yet"
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
_SENDING = frozenset({Reason.REMINDER, Reason.FIRST_TOLD, Reason.CHANGED, Reason.MATCHED, Reason.EVERY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """One sink's part of a report: only the results that it asked for, or none and the reason.

    `told` is what the sink knows when it has taken the part.
    """

    sink: str
    reason: Reason
    report: Report | None = None
    told: Told = NOTHING_TOLD


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
    acknowledged: Mapping[Identity, Acknowledgement] = field(default_factory=dict)


def rules_of(
    home: Home,
    changes_only: Iterable[str] = (),
    silences: Iterable[Silence] = (),
    acknowledged: Iterable[Acknowledgement] = (),
) -> Rules:
    """The rules of a home; silences (beside runner.yaml's own) and acknowledgements are those of the store."""
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
        acknowledged={item.identity: item for item in acknowledged},
    )


def route(report: Report, rules: Rules) -> tuple[Routed, ...]:
    """The decision for each sink when it is not known what the sinks were told of before."""
    return tuple(route_one(report, name, rules) for name in rules.sinks)


def route_one(report: Report, sink: str, rules: Rules, announced: Announced | None = None) -> Routed:
    """The decision for one sink, which must be among the rules' sinks.

    `announced` are the problems that the sink was told of. Without them it counts as told of all that it asks for.
    """
    settings = rules.sinks[sink]
    routes = [item for item in rules.routes if sink in item.sinks and _any(item.groups, report.group)]
    if rules.routes and not routes:
        return Routed(sink=sink, reason=Reason.NOT_ROUTED)
    report = with_acknowledged(report, rules.acknowledged)
    judge = _Judge(report, rules, sends_of(settings, rules.changes_only), routes, announced)
    heard = [muted(result, report, judge.target(result), rules.silences, rules.windows) for result in report.results]
    kept = [(part, reason) for part, reason in map(judge.part, heard) if reason.sends]
    told = told_by(report, [part for part, reason in kept if reason is not Reason.EVERY], announced)
    if kept:
        strongest = _strongest(reason for _, reason in kept)
        return Routed(sink=sink, reason=strongest, report=_slice(report, kept), told=told)
    if not report.results and judge.takes_everything:
        return Routed(sink=sink, reason=Reason.EVERY, report=report)
    if any(judge.part(result)[1].sends for result in report.results):
        return Routed(sink=sink, reason=Reason.SILENCED, told=told)
    return Routed(sink=sink, reason=_strongest(judge.part(result)[1] for result in heard), told=told)


def deliveries_for(report: Report, rules: Rules) -> tuple[tuple[str, datetime], ...]:
    """The sinks that may get something of the report, and when each delivery is given up.

    What a sink was told of is known when it is its turn: a delivery that then has nothing to tell ends quietly.
    """
    expires = report.created + GIVE_UP_AFTER
    return tuple((sink, expires) for sink in rules.sinks if _may_tell(report, sink, rules))


def _may_tell(report: Report, sink: str, rules: Rules) -> bool:
    routed = route_one(report, sink, rules)
    if routed.report is not None or routed.reason is Reason.NOT_ROUTED:
        return routed.report is not None
    recovered = any(item.change is Change.RECOVERED for item in report.transitions)
    return recovered or route_one(report, sink, rules, {}).report is not None


def reminder_due(result: Result, before: datetime | None, every: float, *, acknowledged: bool = False) -> bool:
    """Whether a problem's age passed a multiple of `every` seconds since the slot before this one.

    Without a slot before, every run of an old enough problem reminds. 0 never does. Problems that are acknowledged
    count only when asked for.
    """
    if every <= 0:
        return False
    found = [item for item in result.outcome.findings if item.is_open and (acknowledged or not item.acknowledged)]
    return any(item.since is None or _passed(result.slot, before, item.since, every) for item in found)


def _passed(slot: datetime, before: datetime | None, since: datetime, every: float) -> bool:
    age = (slot - since).total_seconds()
    age_before = (before - since).total_seconds() if before else age - every
    return age >= every and age // every > age_before // every


class _Judge:
    def __init__(
        self, report: Report, rules: Rules, sends: tuple[Send, ...], routes: list[Route], announced: Announced | None
    ) -> None:
        self._rules, self._sends, self._routes, self._announced = rules, sends, routes, announced
        self._at = report.created
        self._targets = {info.name: Target(name=info.name, options={}, labels=info.labels) for info in report.targets}

    @property
    def takes_everything(self) -> bool:
        return "all" in self._sends and (not self._rules.routes or any("all" in item.states for item in self._routes))

    def target(self, result: Result) -> Target:
        return self._targets.get(result.target) or Target(name=result.target, options={})

    def part(self, result: Result) -> tuple[Result, Reason]:
        """The result as the sink gets it, and why it gets it or does not."""
        known = still_known(result, self._announced)
        if not self._rules.routes:
            reason = self._wanted(self._sends, known)
            return (result if reason is Reason.EVERY else known), reason
        offers = [self._offer(item, known) for item in self._routes if self._matches(item, result)]
        reason = _strongest(reason for _, reason in offers)
        views = [view for view, offered in offers if offered.sends]
        return (result if reason is Reason.EVERY else _together(known, views)), reason

    def _offer(self, item: Route, known: Result) -> tuple[Result, Reason]:
        """What one route lets through. It and the sink must both want the result; the weaker of their reasons holds."""
        quiet = is_quiet(item, self._at, self._rules.windows)
        whole = self._by_both(item, known)
        if whole is Reason.EVERY:
            return known, Reason.QUIET if quiet else whole
        view = without_held(known, item, self._at, quiet=quiet)
        recovered = any(change.change is Change.RECOVERED for change in view.transitions)
        if view is known or recovered or any(finding.is_open for finding in view.outcome.findings):
            return view, self._by_both(item, view)
        held = Reason.QUIET if quiet else Reason.TOO_YOUNG
        return view, whole if whole is Reason.NOTHING_MATCHES else held

    def _by_both(self, item: Route, result: Result) -> Reason:
        by_sink, by_route = self._wanted(self._sends, result), self._wanted(item.states, result)
        return min(by_sink, by_route, key=lambda reason: reason.weight)

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
        if "recovered" in sends and self._recovered(result, sends):
            return Reason.CHANGED
        if not named and not ("changes" in sends and result.state.is_problem):
            return Reason.NOTHING_MATCHES
        return Reason.FIRST_TOLD if first_told(result, sends, self._announced) else self._reminder(result)

    def _recovered(self, result: Result, sends: tuple[Send, ...]) -> bool:
        """When it is known what the sink was told of, other recoveries are gone already; else the states decide."""
        recovered = [item for item in result.transitions if item.change is Change.RECOVERED]
        states = {"warning", "critical", "unknown"} & set(sends)
        everything = self._announced is not None or not states or "problems" in sends
        return any(everything or item.before.value in states for item in recovered)

    def _reminder(self, result: Result) -> Reason:
        every = self._rules.remind_every.get(result.job, self._rules.remind_by_default)
        before = self._slot_before(result)
        if reminder_due(result, before, every):
            return Reason.REMINDER
        return Reason.ACKNOWLEDGED if reminder_due(result, before, every, acknowledged=True) else Reason.NOTHING_NEW


def _together(known: Result, views: list[Result]) -> Result:
    """The result with what at least one of the views has."""
    if not views or known in views:
        return known
    if len(views) == 1:
        return views[0]
    findings = tuple(item for item in known.outcome.findings if any(item in view.outcome.findings for view in views))
    transitions = tuple(item for item in known.transitions if any(item in view.transitions for view in views))
    return replace(known, outcome=replace(known.outcome, findings=findings), transitions=transitions)


def sends_of(settings: SinkSettings, changes_only: Collection[str]) -> tuple[Send, ...]:
    """What a sink is sent: what it says, or what its type wants when it says nothing."""
    unsaid = settings.send == ("all",) and not settings.says_send
    return ("changes",) if unsaid and settings.type in changes_only else settings.send


def _slice(report: Report, kept: list[tuple[Result, Reason]]) -> Report:
    names = {result.target for result, _ in kept}
    targets = tuple(info for info in report.targets if info.name in names)
    return replace(report, results=tuple(result for result, _ in kept), targets=targets)


def _strongest(reasons: Iterable[Reason]) -> Reason:
    return max(reasons, key=lambda reason: reason.weight, default=Reason.NOTHING_MATCHES)


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
