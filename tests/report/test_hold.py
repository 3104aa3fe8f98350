"""Escalation and quiet hours: what a route holds back, when it lets go, and who hears of the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from runner.model.home import Route, Send, SinkSettings
from runner.model.job import Window
from runner.model.problem import Acknowledgement, Change
from runner.model.result import Outcome, Result
from runner.model.state import State
from runner.report.known import after
from runner.report.route import Reason, Routed, Rules, deliveries_for, route_one
from tests.formats.samples import SLOT, change, finding, report, result

PROBLEMS: tuple[Send, ...] = ("problems", "recovered")
NIGHTS = Window(name="nights", start=time(20), end=time(7))


def rules(send: tuple[Send, ...] = PROBLEMS, **route: Any) -> Rules:
    return Rules(
        sinks={"s": SinkSettings(name="s", type="log_file", send=send)},
        routes=(Route(**{"sinks": ("s",), "states": PROBLEMS, **route}),),
        windows={"nights": NIGHTS},
    )


def problem(name: str, minutes: float, *, opened: bool = False) -> Result:
    found = finding(State.CRITICAL, f"{name} is bad", since=SLOT - timedelta(minutes=minutes))
    transitions = (change(name, Change.OPENED, State.OK, State.CRITICAL),) if opened else ()
    return result(name, Outcome(summary="", findings=(found,)), transitions=transitions)


BACK = result(
    "back", Outcome(summary="back"), transitions=(change("back", Change.RECOVERED, State.CRITICAL, State.OK),)
)


def routed(given: Rules, *results: Result, at: datetime = SLOT, announced: Any = None) -> Routed:
    return route_one(replace(report(*results), created=at), "s", given, {} if announced is None else announced)


@pytest.mark.parametrize(("minutes", "opened", "reason"), [
    (0, True, Reason.TOO_YOUNG),
    (29, False, Reason.TOO_YOUNG),
    (30, False, Reason.FIRST_TOLD),
    (600, False, Reason.FIRST_TOLD),
])  # fmt: skip
def test_a_route_may_wait_until_a_problem_has_lasted(minutes: float, opened: bool, reason: Reason) -> None:
    assert routed(rules(lasting=1800.0), problem("a", minutes, opened=opened)).reason is reason


def test_of_two_problems_only_the_old_one_is_told() -> None:
    one = problem("a", 5)
    old = problem("a", 60).outcome.findings[0]
    both = one.with_outcome(replace(one.outcome, findings=(one.outcome.findings[0], replace(old, message="old"))))
    found = routed(rules(lasting=1800.0), both)
    assert found.report
    [told] = found.report.results
    assert [item.message for item in told.outcome.findings] == ["old"]
    assert "1 problem held back: not yet 30 min old, or acknowledged" in told.outcome.notes


def test_it_is_told_once_and_its_end_is_told_to_whoever_heard_of_it() -> None:
    given = rules(lasting=1800.0)
    first = routed(given, problem("back", 31))
    assert first.reason is Reason.FIRST_TOLD
    known = after({}, first.told)
    assert routed(given, problem("back", 32), announced=known).reason is Reason.NOTHING_NEW
    assert routed(given, BACK, announced=known).reason is Reason.CHANGED
    assert routed(given, BACK).reason is Reason.NOTHING_MATCHES, "it ended before it was old enough"


def test_what_is_acknowledged_does_not_escalate() -> None:
    known = Acknowledgement(
        job="a", target="main", series=problem("a", 1).outcome.findings[0].series, state=State.CRITICAL, author="ana",
        at=SLOT,
    )  # fmt: skip
    one = problem("a", 600)
    marked = one.with_outcome(replace(one.outcome, findings=(replace(one.outcome.findings[0], acknowledged=known),)))
    assert routed(rules(lasting=1800.0), marked).reason is Reason.TOO_YOUNG
    assert routed(rules(), marked).reason is Reason.FIRST_TOLD


@pytest.mark.parametrize(("hour", "reason"), [
    (19, Reason.CHANGED), (20, Reason.QUIET), (3, Reason.QUIET), (7, Reason.CHANGED),
])  # fmt: skip
def test_quiet_hours_hold_new_problems_back(hour: int, reason: Reason) -> None:
    at = datetime(2026, 11, 24, hour, tzinfo=UTC)
    assert routed(rules(quiet="nights"), problem("a", 0, opened=True), at=at).reason is reason


def test_after_the_quiet_hours_what_lasts_is_told() -> None:
    morning = datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert routed(rules(quiet="nights"), problem("a", 300), at=morning).reason is Reason.FIRST_TOLD


def test_a_recovery_is_told_in_quiet_hours_too() -> None:
    night = datetime(2026, 11, 24, 3, tzinfo=UTC)
    told = routed(rules(), problem("back", 60)).told
    found = routed(rules(quiet="nights"), problem("a", 0, opened=True), BACK, at=night, announced=after({}, told))
    assert found.reason is Reason.CHANGED
    assert found.report
    assert [item.job for item in found.report.results] == ["back"]


def test_reports_of_everything_are_left_out_in_quiet_hours() -> None:
    night = datetime(2026, 11, 24, 3, tzinfo=UTC)
    given = rules(("all",), states=("all",), quiet="nights")
    assert routed(given, problem("a", 60), at=night).reason is Reason.QUIET
    assert routed(given, problem("a", 60), at=night + timedelta(hours=9)).reason is Reason.EVERY


def test_a_sink_with_two_routes_gets_what_one_of_them_lets_through() -> None:
    given = rules(lasting=1800.0)
    given = replace(given, routes=(*given.routes, Route(sinks=("s",), states=PROBLEMS, jobs=("quick",))))
    found = routed(given, problem("a", 1, opened=True), problem("quick", 1, opened=True))
    assert found.report
    assert [item.job for item in found.report.results] == ["quick"]


def test_a_problem_that_grows_old_makes_a_delivery_although_nothing_changed() -> None:
    given = rules(lasting=1800.0)
    assert not deliveries_for(report(problem("a", 5)), given)
    assert deliveries_for(report(problem("a", 31)), given)
