"""How a report shows that somebody knows of a problem."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from runner.formats import nagios, text
from runner.formats.document import report_document
from runner.model.history import Series
from runner.model.problem import Acknowledgement
from runner.model.report import Report
from runner.model.result import Outcome
from runner.model.state import State
from tests.formats.samples import HOSTILE, SLOT, Templates, finding, report, result

ACK = Acknowledgement(
    job="locks", target="main", series=Series(), state=State.CRITICAL, author="ana", at=SLOT,
    reason="the migration holds it", until=SLOT + timedelta(hours=4),
)  # fmt: skip


def night(ack: Acknowledgement) -> Report:
    known = finding(State.CRITICAL, "a lock is held", acknowledged=ack)
    new = finding(State.CRITICAL, "97 of 97 connections")
    return report(
        result("locks", Outcome(summary="1", findings=(known,))), result("connections", Outcome(summary="1", findings=(new,)))
    )  # fmt: skip


def test_what_is_known_stands_below_what_is_not_with_who_knows_it_and_why() -> None:
    lines = text.render(night(ACK), {}, Templates()).splitlines()
    assert lines[0].endswith("2 critical, 1 acknowledged")
    first = lines.index("CRITICAL   connections  97 of 97 connections")
    assert lines[first + 1 : first + 3] == [
        "CRITICAL   locks        a lock is held",
        "           acknowledged by ana until 2026-11-24 05:30 UTC: the migration holds it",
    ]


def test_a_monitoring_system_shows_what_is_new_first() -> None:
    first, second, *_ = nagios.render(night(replace(ACK, until=None, reason="")), {}, Templates()).splitlines()
    assert first == "CRITICAL - connections: 97 of 97 connections (2 critical, 1 acknowledged)"
    assert second == "locks: a lock is held (acknowledged by ana)"


def test_the_document_says_by_whom() -> None:
    locks, connections = report_document(night(ACK))["results"]
    assert locks["findings"][0]["acknowledged"] == {
        "by": "ana", "reason": "the migration holds it", "at": "2026-11-24T01:30:00Z", "until": "2026-11-24T05:30:00Z",
    }  # fmt: skip
    assert connections["findings"][0]["acknowledged"] is None


def test_hostile_reasons_stay_on_their_line() -> None:
    made = text.render(night(replace(ACK, author=HOSTILE, reason=HOSTILE)), {}, Templates())
    assert all(line.isprintable() for line in made.splitlines())
    assert max(map(len, made.splitlines())) < 600
