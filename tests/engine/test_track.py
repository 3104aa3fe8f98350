"""Problems over time: what opens, waits, changes, freezes and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.api import Change, Finding, Job, Memory, Observation, Outcome, Series, State, skipped, unknown
from runner.engine.track import track
from runner.model.job import Hold

START = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
W, C, U, L, OK = State.WARNING, State.CRITICAL, State.UNKNOWN, State.LEARNING, State.OK


@dataclass
class Course:
    """Runs of one job, one after the other, an hour apart unless said otherwise."""

    job: Job = field(default_factory=lambda: Job(name="j", kind="check", group="g", title="j", spec=None))
    memory: Memory = field(default_factory=Memory)
    now: datetime = START
    seen: set[Series] = field(default_factory=set)

    def run(self, outcome: Outcome, after: timedelta = timedelta(hours=1)) -> Any:
        tracked = track(self.job, "main", outcome, self.memory, self.now, self.seen)
        self.memory = tracked.memory
        self.now += after
        self.seen |= {item.series for item in outcome.observations}
        return tracked

    def changes(self, outcome: Outcome, after: timedelta = timedelta(hours=1)) -> list[tuple[str, Change]]:
        return [(str(item.series), item.change) for item in self.run(outcome, after).transitions]

    def open(self) -> dict[str, State]:
        return {str(item.series): item.state for item in self.memory.problems.values() if item.is_open}


def course(**keys: Any) -> Course:
    made = Course()
    return replace(made, job=replace(made.job, **keys))


def found(*states: tuple[str, State] | State, database: str = "", looked: Sequence[str] | None = None) -> Outcome:
    findings = []
    for item in states:
        key, state = item if isinstance(item, tuple) else ("", item)
        findings.append(
            Finding(state=state, message=f"{key} {state.value}", series=Series(database, (key,) if key else ()))
        )
    rows = tuple(Observation(series=finding.series) for finding in findings)
    visited = frozenset([database] if looked is None else looked)
    return Outcome(summary="s", findings=tuple(findings), observations=rows, looked=visited)


COURSES: dict[str, tuple[list[State | None], list[Change | None]]] = {
    "opens and recovers": ([W, None], [Change.OPENED, Change.RECOVERED]),
    "lasts": ([W, W, W], [Change.OPENED, None, None]),
    "worsens and eases": ([W, C, W], [Change.OPENED, Change.WORSENED, Change.EASED]),
    "unknown freezes a warning": ([W, U, W, None], [Change.OPENED, None, None, Change.RECOVERED]),
    "unknown freezes, then it is worse": ([W, U, C], [Change.OPENED, None, Change.WORSENED]),
    "unknown opens by itself": ([U, U, None], [Change.OPENED, None, Change.RECOVERED]),
    "unknown turns out to be critical": ([U, C], [Change.OPENED, Change.WORSENED]),
    "unknown turns out to be a warning": ([U, W], [Change.OPENED, Change.EASED]),
    "learning is no problem": ([L, W], [None, Change.OPENED]),
    "comes back": ([W, None, W], [Change.OPENED, Change.RECOVERED, Change.OPENED]),
}


@pytest.mark.parametrize("name", COURSES)
def test_the_course_of_one_row(name: str) -> None:
    states, changes = COURSES[name]
    runs = course()
    for state, change in zip(states, changes, strict=True):
        outcome = found(("t", state)) if state else found()
        assert runs.changes(outcome) == ([("t", change)] if change else [])


def test_a_transition_says_since_when_and_from_what() -> None:
    runs = course()
    runs.run(found(("t", W)))
    (worse,) = runs.run(found(("t", C))).transitions
    assert (worse.before, worse.after, worse.since, worse.at) == (W, C, START, START + timedelta(hours=1))
    (over,) = runs.run(found()).transitions
    assert (over.before, over.after, over.since) == (C, OK, START)


def test_two_runs_in_a_row() -> None:
    runs = course(hold=Hold(runs=2))
    first = runs.run(found(("t", W)))
    assert first.transitions == ()
    assert first.outcome.findings[0].pending
    assert first.outcome.state is OK
    second = runs.run(found(("t", W)))
    assert [item.change for item in second.transitions] == [Change.OPENED]
    assert second.transitions[0].since == START
    assert not second.outcome.findings[0].pending
    assert second.outcome.state is W


def test_a_pause_begins_the_count_anew() -> None:
    runs = course(hold=Hold(runs=2))
    assert [runs.changes(outcome) for outcome in (found(("t", W)), found(), found(("t", W)))] == [[], [], []]
    assert runs.changes(found(("t", W))) == [("t", Change.OPENED)]


def test_a_look_that_failed_neither_counts_nor_ends_the_count() -> None:
    runs = course(hold=Hold(runs=2))
    runs.run(found(("t", W)))
    assert runs.changes(unknown("no answer")) == [("", Change.OPENED)]
    assert sorted(runs.changes(found(("t", W)))) == [("", Change.RECOVERED), ("t", Change.OPENED)]


def test_half_an_hour() -> None:
    runs = course(hold=Hold(seconds=1800))
    ten = timedelta(minutes=10)
    assert [runs.changes(found(("t", W)), ten) for _ in range(4)] == [[], [], [], [("t", Change.OPENED)]]


def test_half_an_hour_is_not_over_after_one_look_however_late() -> None:
    runs = course(hold=Hold(seconds=1800))
    assert runs.changes(found(("t", W))) == []
    assert runs.changes(found(("t", W))) == [("t", Change.OPENED)]


def test_what_cannot_be_looked_at_does_not_wait() -> None:
    assert course(hold=Hold(runs=5)).changes(unknown("no answer")) == [("", Change.OPENED)]


def test_a_database_that_was_not_looked_at_keeps_its_problems() -> None:
    runs = course()
    both = replace(found(("t", W), database="a"), looked=frozenset({"a", "b"}))
    other = found(("t", C), database="b")
    runs.run(replace(both, findings=(*both.findings, *other.findings)))
    assert runs.changes(found(looked=["a"])) == [("a/t", Change.RECOVERED)]
    assert runs.open() == {"b/t": C}
    assert runs.changes(found(looked=["b"])) == [("b/t", Change.RECOVERED)]


def test_an_unreachable_server_freezes_everything_and_ends_at_the_next_look() -> None:
    runs = course()
    runs.run(found(("t", W)))
    assert runs.changes(unknown("connection refused")) == [("", Change.OPENED)]
    assert runs.open() == {"t": W, "": U}
    assert runs.changes(found(("t", W), database="", looked=[""])) == [("", Change.RECOVERED)]
    assert runs.open() == {"t": W}


def test_a_whole_unknown_ends_when_any_database_was_looked_at() -> None:
    runs = course()
    runs.run(unknown("connection refused"))
    assert runs.changes(found(looked=["a"])) == [("", Change.RECOVERED)]


def test_what_does_not_apply_any_more_closes_with_the_reason() -> None:
    runs = course()
    runs.run(found(("t", C)))
    (closed,) = runs.run(skipped("no standby is connected")).transitions
    assert closed.change is Change.RECOVERED
    assert "no standby is connected" in closed.message
    assert runs.memory.problems == {}


def test_several_findings_of_one_row_are_one_problem_the_worst() -> None:
    runs = course()
    assert runs.changes(found(("t", W), ("t", C))) == [("t", Change.OPENED)]
    assert runs.open() == {"t": C}


@pytest.mark.parametrize(("on_gone", "state"), [("warning", W), ("critical", C)])
def test_a_key_that_is_gone(on_gone: str, state: State) -> None:
    runs = course(on_gone=on_gone)
    both = found(("a", L), ("b", L))
    runs.run(both)
    gone = runs.run(found(("a", L)))
    assert [(item.state, str(item.series)) for item in gone.outcome.findings if item.state.is_problem] == [(state, "b")]
    assert [(str(item.series), item.change) for item in gone.transitions] == [("b", Change.OPENED)]
    assert runs.changes(both) == [("b", Change.RECOVERED)]


def test_a_key_is_not_gone_where_nobody_looked() -> None:
    runs = course(on_gone="critical")
    runs.run(found(("a", L), database="x"))
    assert runs.changes(found(looked=["y"])) == []
    assert runs.changes(unknown("no answer")) == [("", Change.OPENED)]


def test_a_gone_key_says_nothing_by_default() -> None:
    runs = course()
    runs.run(found(("a", L)))
    assert runs.changes(found()) == []
