"""What a sink was told of, acknowledgements and silences, run after run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from runner.model.history import Series
from runner.model.home import Route, Silence, SinkSettings
from runner.model.job import Schedule, Window
from runner.model.problem import Acknowledgement, Announced, Change
from runner.model.report import Report
from runner.model.result import Outcome
from runner.model.state import State
from runner.model.target import Selector, Target
from runner.report.known import after
from runner.report.route import Reason, Routed, Rules, deliveries_for, route_one
from runner.report.silence import blackout
from tests.formats.samples import SLOT, change, finding, report, result

HOUR = timedelta(hours=1)
ROW, OTHER = "orders", "items"
ON_ROW, ON_OTHER = ("dead-rows", "main", Series("", (ROW,))), ("dead-rows", "main", Series("", (OTHER,)))
CRITICAL, WARNING, OK = State.CRITICAL, State.WARNING, State.OK


def run(hour: float, *states: tuple[str, State], was: tuple[tuple[str, State], ...] = (), **changes: object) -> Report:
    """The report of one run, with the transitions from what was; problems last since they were first seen."""
    before, now = dict(was), dict(states)
    kinds = {
        key: Change.RECOVERED if key not in now else Change.OPENED if key not in before
        else Change.WORSENED if now[key].rank > before[key].rank else Change.EASED
        for key in before.keys() | now.keys() if before.get(key) is not now.get(key)
    }  # fmt: skip
    found = tuple(finding(state, f"{key} is {state.value}", key, since=SLOT) for key, state in states)
    made = result(
        "dead-rows", Outcome(summary="", findings=found), slot=SLOT + hour * HOUR,
        transitions=tuple(
            change("dead-rows", kind, before.get(key, OK), now.get(key, OK), key) for key, kind in sorted(kinds.items())
        ),
    )  # fmt: skip
    return report(made, created=SLOT + hour * HOUR, slot=SLOT + hour * HOUR, **changes)


def rules(send: tuple = ("problems", "recovered"), **changes: object) -> Rules:
    schedules = {"dead-rows": Schedule(text="hourly", every=3600)}
    sinks = {"s": SinkSettings(name="s", type="log_file", send=send)}
    return Rules(sinks=sinks, schedules=schedules, **changes)  # type: ignore[arg-type]


def rows(routed: Routed) -> set[str]:
    """The keys of the findings that the sink is sent."""
    results = routed.report.results if routed.report else ()
    return {item.series.key[0] for result in results for item in result.outcome.findings}


OPEN = ((ROW, WARNING),)


def through(made: Rules, *reports: Report, known: Announced | None = None) -> list[Reason]:
    """The reason for each report in turn; what is sent is known from then on."""
    reasons = []
    knows: Announced = known or {}
    for each in reports:
        routed = route_one(each, "s", made, knows)
        assert routed.reason.sends == (routed.report is not None)
        reasons.append(routed.reason)
        knows = after(knows, routed.told)
    return reasons


@pytest.mark.parametrize(
    ("send", "known", "reason"),
    [
        (("problems", "recovered"), {}, Reason.NOTHING_MATCHES),
        (("problems", "recovered"), {ON_ROW: WARNING}, Reason.CHANGED),
        (("problems", "recovered"), {ON_OTHER: WARNING}, Reason.NOTHING_MATCHES),
        (("changes",), {}, Reason.NOTHING_MATCHES),
        (("changes",), {ON_ROW: WARNING}, Reason.CHANGED),
        (("critical", "recovered"), {ON_ROW: CRITICAL}, Reason.CHANGED),
        (("critical",), {ON_ROW: CRITICAL}, Reason.NOTHING_MATCHES),
        (("all",), {}, Reason.EVERY),
    ],
)
def test_who_hears_of_a_recovery(send: tuple, known: Announced, reason: Reason) -> None:
    """Also when the problem had eased to a state that the sink does not ask for."""
    routed = route_one(run(2, was=OPEN), "s", rules(send), known)
    assert routed.reason is reason
    assert ON_ROW not in after(known, routed.told), "it is over, whether somebody hears of it or not"


def test_a_recovery_that_means_nothing_to_the_sink_is_not_among_what_it_gets() -> None:
    both = run(2, (OTHER, CRITICAL), was=(*OPEN, (OTHER, WARNING)))
    told, everything = route_one(both, "s", rules(), {}), route_one(both, "s", rules(("all",)), {})
    assert [item.change for item in told.report.transitions] == [Change.WORSENED]  # type: ignore[union-attr]
    assert len(everything.report.transitions) == 2  # type: ignore[union-attr]


def test_a_problem_that_lasts_is_told_once_to_whom_it_is_new() -> None:
    lasts = [run(hour, *OPEN, was=OPEN) for hour in (1, 2, 6, 7)]
    assert through(rules(), *lasts) == [Reason.FIRST_TOLD, Reason.NOTHING_NEW, Reason.REMINDER, Reason.NOTHING_NEW]
    assert through(rules(("changes",)), lasts[0]) == [Reason.FIRST_TOLD]
    assert through(rules(("critical",)), lasts[0]) == [Reason.NOTHING_MATCHES]
    assert through(rules(), run(1, *OPEN, was=()), *lasts[:1]) == [Reason.CHANGED, Reason.NOTHING_NEW]


def test_the_route_must_want_it_too() -> None:
    routes = (Route(sinks=("s",), states=("critical",)),)
    assert through(rules(("all",), routes=routes), run(1, *OPEN, was=OPEN)) == [Reason.NOTHING_MATCHES]
    worse = ((ROW, CRITICAL),)
    assert through(rules(("all",), routes=routes), run(1, *worse, was=worse)) == [Reason.FIRST_TOLD]


def test_a_delivery_is_made_when_there_may_be_something_to_tell() -> None:
    made = rules()
    assert [bool(deliveries_for(each, made)) for each in (
        run(0, *OPEN), run(1, *OPEN, was=OPEN), run(2, was=OPEN), run(3),
    )] == [True, True, True, False]  # fmt: skip
    assert deliveries_for(run(2, was=OPEN), rules(routes=(Route(sinks=("x",)),))) == ()


# ---- silences

QUIET = Silence(jobs=("dead-*",), reason="bulk load", until=SLOT + 3 * HOUR)


def test_a_silence_that_ends_before_the_problem_does_is_followed_by_one_report() -> None:
    hours = [run(0, *OPEN), *(run(hour, *OPEN, was=OPEN) for hour in (1, 2, 3, 4)), run(5, was=OPEN)]
    told = [Reason.SILENCED] * 3 + [Reason.FIRST_TOLD, Reason.NOTHING_NEW, Reason.CHANGED]
    assert through(rules(silences=(QUIET,)), *hours) == told


def test_what_begins_and_ends_in_a_silence_is_told_to_nobody() -> None:
    hours = [run(0, *OPEN), run(2, was=OPEN), run(3), run(4)]
    assert [reason.sends for reason in through(rules(silences=(QUIET,)), *hours)] == [False] * 4


def test_what_began_in_a_silence_and_ends_after_it_unseen_is_told_to_nobody() -> None:
    reasons = through(rules(silences=(QUIET,)), run(0, *OPEN), run(4, was=OPEN))
    assert [reason.sends for reason in reasons] == [False, False]


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        (("*",), set()), ((ROW,), {OTHER}), (("ord*", "it*"), set()), (("x",), {ROW, OTHER}),
    ],
)  # fmt: skip
def test_a_silence_can_mean_some_rows_of_a_job(keys: tuple[str, ...], sent: set[str]) -> None:
    both = run(0, (ROW, CRITICAL), (OTHER, WARNING))
    made = rules(silences=(replace(QUIET, keys=keys, author="ana"),))
    routed = route_one(both, "s", made, {})
    assert rows(routed) == sent
    assert {identity[2].key[0] for identity in routed.told.open} == sent
    if sent == {OTHER}:
        (part,) = routed.report.results  # type: ignore[union-attr]
        assert part.outcome.notes == ("1 finding silenced until 2026-11-24 04:30 by ana: bulk load",)
        assert [item.series.key[0] for item in part.transitions] == [OTHER]


def test_a_key_may_name_its_database() -> None:
    found = finding(WARNING, "m", "public", "orders", database="shop")
    made = report(result("dead-rows", Outcome(summary="", findings=(found,))), created=SLOT)
    for key, sent in {"shop/public.orders": False, "public.orders": False, "other/public.orders": True}.items():
        assert route_one(made, "s", rules(silences=(replace(QUIET, keys=(key,)),)), {}).reason.sends == sent


@pytest.mark.parametrize(
    ("runs", "at", "target", "found"),
    [
        ("skip", SLOT, "main", True), ("continue", SLOT, "main", False), ("skip", SLOT + 3 * HOUR, "main", False),
        ("skip", SLOT, "other", False),
    ],
)  # fmt: skip
def test_a_blackout(runs: str, at: datetime, target: str, found: bool) -> None:
    silence = replace(QUIET, runs=runs, targets=Selector(names=("main",)))
    windows: dict[str, Window] = {}
    assert (blackout([silence], "dead-rows", Target(name=target, options={}), at, windows) is silence) == found


# ---- acknowledgements

ACK = Acknowledgement(
    job="dead-rows", target="main", series=Series("", (ROW,)), state=WARNING, author="ana", at=SLOT,
    reason="vacuum is planned",
)  # fmt: skip


def acked(*items: Acknowledgement) -> Rules:
    return rules(acknowledged={item.identity: item for item in items})


@pytest.mark.parametrize(
    ("ack", "reason"),
    [
        (ACK, Reason.ACKNOWLEDGED),
        (replace(ACK, until=SLOT + 7 * HOUR), Reason.ACKNOWLEDGED),
        (replace(ACK, until=SLOT + 6 * HOUR), Reason.REMINDER),
        (replace(ACK, target="other"), Reason.REMINDER),
        (replace(ACK, series=Series("", (OTHER,))), Reason.REMINDER),
    ],
)
def test_what_is_acknowledged_makes_no_reminders(ack: Acknowledgement, reason: Reason) -> None:
    routed = route_one(run(6, *OPEN, was=OPEN), "s", acked(ack), {ON_ROW: WARNING})
    assert routed.reason is reason


def test_one_acknowledged_problem_does_not_hide_another() -> None:
    both = (*OPEN, (OTHER, WARNING))
    routed = route_one(run(6, *both, was=both), "s", acked(ACK), {ON_ROW: WARNING, ON_OTHER: WARNING})
    assert routed.reason is Reason.REMINDER
    (part,) = routed.report.results  # type: ignore[union-attr]
    assert [item.acknowledged for item in part.outcome.findings] == [ACK, None]


def test_changes_and_recoveries_of_what_is_acknowledged_are_told() -> None:
    worse = run(1, (ROW, CRITICAL), was=OPEN)
    assert through(acked(ACK), worse, run(2, was=((ROW, CRITICAL),))) == [Reason.CHANGED, Reason.CHANGED]


def test_a_log_of_everything_shows_who_knows() -> None:
    made = replace(acked(ACK), sinks={"s": SinkSettings(name="s", type="log_file")})
    routed = route_one(run(1, *OPEN, was=OPEN), "s", made, {})
    assert routed.report.results[0].outcome.findings[0].acknowledged == ACK  # type: ignore[union-attr]
    assert routed.told.open == {}
