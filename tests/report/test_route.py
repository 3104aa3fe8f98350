"""Routing: who gets what of a report, with the reason in every case."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from runner.config.settings import load_settings
from runner.model.home import Home, Route, Settings, Silence, SinkSettings
from runner.model.job import Schedule, Window
from runner.model.problem import Change
from runner.model.result import Outcome, skipped, unknown
from runner.model.state import State
from runner.model.target import Selector
from runner.plugins.host import PluginHost
from runner.report.route import Reason, Rules, deliveries_for, reminder_due, route, route_one, rules_of
from tests.formats.samples import MAIN, SLOT, change, finding, report, result


def problem(job: str, state: State, *, hours: float = 1.5, kind: Change | None = None, **changes: object):
    found = finding(state, f"{job} is {state.value}", since=SLOT - timedelta(hours=hours))
    transitions = (change(job, kind, State.OK, state),) if kind else ()
    return result(job, Outcome(summary="", findings=(found,)), transitions=transitions, **changes)


GOOD = result("good", Outcome(summary="good"))
NEW = problem("new", State.CRITICAL, kind=Change.OPENED)
OLD = problem("old", State.CRITICAL)
WARN = problem("warn", State.WARNING, kind=Change.OPENED)
BLIND = result("blind", unknown("no grant"))
BACK = result(
    "back", Outcome(summary="back"), transitions=(change("back", Change.RECOVERED, State.CRITICAL, State.OK),)
)
WARM = result("warm", Outcome(summary="warm"), transitions=(change("warm", Change.RECOVERED, State.WARNING, State.OK),))
NOT_HERE = result("not-here", skipped("not a standby"))
YOUNG = result("young", Outcome(summary="", findings=(finding(State.LEARNING, "2 of 7 days"),)))
EVERYTHING = (GOOD, NEW, OLD, WARN, BLIND, BACK, WARM, NOT_HERE, YOUNG)


def rules(send: tuple = ("all",), **changes: object) -> Rules:
    return Rules(sinks={"s": SinkSettings(name="s", type="log_file", send=send)}, **changes)  # type: ignore[arg-type]


def routed(send: tuple, *results, **changes: object) -> tuple[Reason, set[str]]:
    one = route_one(report(*results), "s", rules(send, **changes))
    return one.reason, {item.job for item in one.report.results} if one.report else set()


@pytest.mark.parametrize(
    ("send", "reason", "jobs"),
    [
        (("all",), Reason.EVERY, {item.job for item in EVERYTHING}),
        (("ok",), Reason.MATCHED, {"good", "back", "warm"}),
        (("critical",), Reason.CHANGED, {"new"}),
        (("warning",), Reason.CHANGED, {"warn"}),
        (("unknown",), Reason.REMINDER, {"blind"}),
        (("skipped",), Reason.MATCHED, {"not-here"}),
        (("learning",), Reason.MATCHED, {"young"}),
        (("recovered",), Reason.CHANGED, {"back", "warm"}),
        (("critical", "recovered"), Reason.CHANGED, {"new", "back"}),
        (("problems",), Reason.CHANGED, {"new", "warn", "blind"}),
        (("problems", "recovered"), Reason.CHANGED, {"new", "warn", "blind", "back", "warm"}),
        (("changes",), Reason.CHANGED, {"new", "warn", "blind", "back", "warm"}),
    ],
)
def test_what_each_word_of_send_asks_for(send: tuple, reason: Reason, jobs: set[str]) -> None:
    assert routed(send, *EVERYTHING) == (reason, jobs)


@pytest.mark.parametrize(
    ("send", "results", "reason"),
    [
        (("critical",), (GOOD, WARN), Reason.NOTHING_MATCHES),
        (("critical",), (GOOD, OLD), Reason.NOTHING_NEW),
        (("changes",), (GOOD, OLD), Reason.NOTHING_NEW),
        (("changes",), (GOOD,), Reason.NOTHING_MATCHES),
        (("critical", "recovered"), (WARM,), Reason.NOTHING_MATCHES),
        (("critical",), (), Reason.NOTHING_MATCHES),
    ],
)
def test_why_nothing_is_sent(send: tuple, results: tuple, reason: Reason) -> None:
    assert routed(send, *results) == (reason, set())


@pytest.mark.parametrize(
    ("age_hours", "period_hours", "every_hours", "due"),
    [
        (6, 1, 6, True),
        (6.9, 1, 6, True),
        (7, 1, 6, False),
        (5.9, 1, 6, False),
        (12.5, 1, 6, True),
        (0.5, 24, 6, False),
        (24, 24, 6, True),
        (30, 24, 36, False),
        (48, 24, 36, True),
        (72, 24, 36, True),
        (6, 1, 0, False),
        (20, None, 6, True),
        (2, None, 6, False),
    ],
)
def test_reminders_come_when_the_age_passes_a_multiple(age_hours, period_hours, every_hours, due: bool) -> None:
    lasting = problem("old", State.WARNING, hours=age_hours)
    before = SLOT - timedelta(hours=period_hours) if period_hours else None
    assert reminder_due(lasting, before, every_hours * 3600.0) is due


@pytest.mark.parametrize("late", [0, 2, 59])
def test_a_lasting_problem_is_reminded_of_once_per_interval(late: int) -> None:
    """A problem begins some seconds after its slot, when it is seen."""
    schedule = Schedule(text="every 5min", every=300)
    reminders = []
    for minute in range(0, 24 * 60, 5):
        slot = SLOT + timedelta(minutes=minute)
        found = finding(State.WARNING, "", since=SLOT + timedelta(seconds=late))
        lasting = result("old", Outcome(summary="", findings=(found,)), slot=slot)
        told = route_one(report(lasting, slot=slot), "s", rules(("problems",), schedules={"old": schedule}))
        if told.reason is Reason.REMINDER:
            reminders.append(minute)
    assert reminders == ([360, 720, 1080] if not late else [365, 725, 1085])


def test_each_job_has_its_own_reminder() -> None:
    assert routed(("critical",), OLD, remind_every={"old": 3600.0}) == (Reason.REMINDER, {"old"})
    assert routed(("critical",), OLD, remind_every={"old": 0.0}) == (Reason.NOTHING_NEW, set())


def test_sink_types_for_changes_get_changes_only() -> None:
    assert routed(("all",), GOOD, OLD, changes_only=frozenset({"log_file"})) == (Reason.NOTHING_NEW, set())
    assert routed(("ok",), GOOD, OLD, changes_only=frozenset({"log_file"})) == (Reason.MATCHED, {"good"})


@pytest.mark.parametrize(("said", "reason"), [("", Reason.NOTHING_NEW), (", send: [all]", Reason.EVERY)])
def test_a_sink_that_says_all_gets_all_whatever_its_type(said: str, reason: Reason, tmp_path: Path) -> None:
    (tmp_path / "runner.yaml").write_text(f"version: 1\nsinks: {{s: {{type: syslog{said}}}}}\n")
    loaded = load_settings(tmp_path, PluginHost({}, no_plugins=True).registry(), {})
    made = Rules(sinks=loaded.settings.sinks, changes_only=frozenset({"syslog"}))
    assert route_one(report(GOOD, OLD), "s", made).reason is reason


@pytest.mark.parametrize(
    ("routes", "reason", "jobs"),
    [
        ((Route(sinks=("other",)),), Reason.NOT_ROUTED, set()),
        ((Route(sinks=("s",), groups=("weekly-*",)),), Reason.NOT_ROUTED, set()),
        ((Route(sinks=("s",), groups=("db-health-*",)),), Reason.EVERY, {"good", "new", "warn"}),
        ((Route(sinks=("s",), jobs=("n*",)),), Reason.EVERY, {"new"}),
        ((Route(sinks=("s",), jobs=("nothing",)),), Reason.NOTHING_MATCHES, set()),
        ((Route(sinks=("s",), tags=("disk", "x")),), Reason.EVERY, {"warn"}),
        ((Route(sinks=("s",), states=("critical",)),), Reason.CHANGED, {"new"}),
        ((Route(sinks=("s",), targets=Selector(labels={"env": "prod"})),), Reason.EVERY, {"good", "new", "warn"}),
        ((Route(sinks=("s",), targets=Selector(names=("standby",))),), Reason.NOTHING_MATCHES, set()),
        ((Route(sinks=("s",), jobs=("new",)), Route(sinks=("s",), jobs=("good",))), Reason.EVERY, {"good", "new"}),
    ],
)
def test_routes(routes: tuple[Route, ...], reason: Reason, jobs: set[str]) -> None:
    results = (GOOD, NEW, replace(WARN, tags=("disk",)))
    assert routed(("all",), *results, routes=routes) == (reason, jobs)


def test_the_sink_and_the_route_must_both_want_it() -> None:
    routes = (Route(sinks=("s",), states=("critical", "warning")),)
    assert routed(("critical", "ok"), GOOD, NEW, WARN, routes=routes) == (Reason.CHANGED, {"new"})


def test_a_slice_names_only_the_targets_of_its_results() -> None:
    made = report(replace(NEW, target="other"), GOOD, targets=(MAIN, replace(MAIN, name="other")))
    part = route_one(made, "s", rules(("critical",))).report
    assert part is not None
    assert [info.name for info in part.targets] == ["other"]
    assert part.id == made.id


def test_a_report_without_results_goes_to_those_who_get_everything() -> None:
    empty = report()
    assert route_one(empty, "s", rules()).report is empty
    assert route_one(empty, "s", rules(routes=(Route(sinks=("s",), states=("critical",)),))).report is None


SILENCE = Silence(jobs=("ne*",), reason="bulk load")
NIGHT = Window(name="night", start=time(1), end=time(2))


@pytest.mark.parametrize(
    ("silence", "holds"),
    [
        (SILENCE, True),
        (replace(SILENCE, until=SLOT + timedelta(days=1)), True),
        (replace(SILENCE, until=SLOT), False),
        (replace(SILENCE, jobs=("other",)), False),
        (replace(SILENCE, targets=Selector(labels={"env": "prod"})), True),
        (replace(SILENCE, targets=Selector(labels={"env": "staging"})), False),
        (replace(SILENCE, window="night"), True),
        (replace(SILENCE, window="day"), False),
        (replace(SILENCE, window="gone"), False),
    ],
)
def test_silences(silence: Silence, holds: bool) -> None:
    windows = {"night": NIGHT, "day": Window(name="day", start=time(9), end=time(17))}
    expected = (Reason.SILENCED, set()) if holds else (Reason.CHANGED, {"new"})
    assert routed(("critical",), GOOD, NEW, silences=(silence,), windows=windows) == expected


def test_a_sink_for_everything_sees_that_a_job_is_silenced_and_why() -> None:
    silences = (replace(SILENCE, until=SLOT + timedelta(days=1)),)
    part = route_one(report(GOOD, NEW), "s", rules(silences=silences)).report
    assert part is not None
    assert part.state is State.OK
    assert part.transitions == ()
    assert part.results[1].outcome.skipped == "silenced until 2026-11-25 01:30: bulk load (is critical)"


def test_a_recovery_in_a_silence_is_told_to_whoever_was_told_of_the_problem() -> None:
    """Else an incident would stay open for ever at the receiver."""
    silences = (Silence(jobs=("back",), reason="x"),)
    given = rules(("critical", "recovered"), silences=silences)
    told = {item.identity: State.CRITICAL for item in BACK.transitions}
    assert route_one(report(BACK), "s", given, told).reason is Reason.CHANGED
    assert route_one(report(BACK), "s", given, {}).reason is Reason.NOTHING_MATCHES


def test_every_sink_has_a_decision_and_deliveries_are_those_that_send() -> None:
    sinks = {
        name: SinkSettings(name=name, type="x", send=send)
        for name, send in {"log": ("all",), "pager": ("critical",)}.items()
    }
    home = Home(path=None, settings=Settings(sinks=sinks, silences=(SILENCE,)))  # type: ignore[arg-type]
    both = rules_of(home)
    made = report(GOOD, WARN)
    assert {item.sink: item.reason for item in route(made, both)} == {
        "log": Reason.EVERY,
        "pager": Reason.NOTHING_MATCHES,
    }
    assert deliveries_for(made, both) == (("log", made.created + timedelta(hours=24)),)
    assert rules_of(home, silences=[replace(SILENCE, jobs=("x",))]).silences[1].jobs == ("x",)
