"""Why a sink gets a report or does not: each group's last results, and a new problem, against each route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from runner.api import Report, Result
from runner.app.imagined import opened
from runner.app.loading import Loaded
from runner.app.runs import rules_now
from runner.engine.publish import info_of
from runner.model.home import Route
from runner.model.problem import Announced
from runner.records import dataclass
from runner.report.build import build
from runner.report.route import Reason, Routed, Rules, route_one
from runner.store.base import Store
from runner.store.open import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One decision: what was looked at, by which route (empty: all of them and the sink together), and why."""

    group: str
    what: str
    route: str
    sent: bool
    reason: Reason


def explain_sink(loaded: Loaded, sink: str, now: datetime) -> tuple[Verdict, ...]:
    """The decisions for one sink, which must be in runner.yaml. Raises StoreError."""
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        rules = rules_now(loaded, store, now)
        announced = store.announced(sink)
        return tuple(
            verdict
            for report, what, told in _reports(loaded, store, announced, now)
            for verdict in _verdicts(report, what, sink, rules, told)
        )


def _reports(
    loaded: Loaded, store: Store, announced: Announced, now: datetime
) -> Iterator[tuple[Report, str, Announced | None]]:
    """Each group's last results, as if they came again, and a critical problem that opens in it."""
    latest = store.latest()
    names = {job.name for job in loaded.home.jobs}
    for group, title in loaded.home.groups.items():
        found = [item for item in latest if item.group == group and item.job in names]
        if found:
            yield _report(loaded, group, title, found, now), "the last results", announced
        if new := _imagined(loaded, group, now):
            yield _report(loaded, group, title, [new], now), "a new critical problem", announced


def _report(loaded: Loaded, group: str, title: str, results: Sequence[Result], now: datetime) -> Report:
    targets = [info_of(name, loaded.home, None) for name in dict.fromkeys(item.target for item in results)]
    slot = max(item.slot for item in results)
    return build(group=group, title=title, slot=slot, results=results, targets=targets, created=now)


def _imagined(loaded: Loaded, group: str, now: datetime) -> Result | None:
    """A result of the group's first job in which a problem opens."""
    job = next((item for item in loaded.home.jobs if item.group == group), None)
    if job is None:
        return None
    target = next((item.name for item in loaded.home.targets.values() if job.targets.admits(item)), "")
    return opened(job, target, now)


def _verdicts(report: Report, what: str, sink: str, rules: Rules, announced: Announced | None) -> Iterator[Verdict]:
    for route in rules.routes:
        if sink in route.sinks:
            yield _verdict(
                report,
                what,
                f"{route.span.file}:{route.span.line}",
                route_one(report, sink, _only(rules, route), announced),
            )
    yield _verdict(report, what, "", route_one(report, sink, rules, announced))


def _only(rules: Rules, route: Route) -> Rules:
    return replace(rules, routes=(route,))


def _verdict(report: Report, what: str, route: str, routed: Routed) -> Verdict:
    return Verdict(group=report.group, what=what, route=route, sent=routed.report is not None, reason=routed.reason)
