"""Building reports: their order and their identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

from runner.model.report import Fault
from runner.model.result import Outcome
from runner.report.build import build
from tests.formats.samples import MAIN, SLOT, result

FINE = Outcome(summary="fine")
RESULTS = (
    result("b", FINE, order=1),
    result("a", FINE, order=2),
    result("c", FINE, target="x", order=0),
    result("c", FINE, target="main", order=0),
)


def made(*results, group: str = "db", slot=SLOT):
    fault = Fault(where="plugin a", message="broken")
    return build(
        group=group,
        title="T",
        slot=slot,
        results=results,
        targets=[MAIN],
        faults=[fault, fault],
        created=SLOT,
        next_slot=None,
    )


def test_results_stand_in_the_order_of_their_file() -> None:
    report = made(*RESULTS)
    assert [(item.job, item.target) for item in report.results] == [
        ("c", "main"),
        ("c", "x"),
        ("b", "main"),
        ("a", "main"),
    ]
    assert len(report.faults) == 1


def test_the_same_slot_makes_the_same_id() -> None:
    again = [replace(item, run="another", outcome=Outcome(summary="other")) for item in reversed(RESULTS)]
    berlin = SLOT.astimezone(timezone(timedelta(hours=1)))
    assert made(*RESULTS).id == made(*again).id == made(*RESULTS, slot=berlin).id
    assert made(*RESULTS).id.startswith("db-20261124T013000Z-")


def test_everything_else_makes_another_id() -> None:
    ids = {
        made(*RESULTS).id,
        made(*RESULTS, group="other").id,
        made(*RESULTS, slot=SLOT + timedelta(seconds=1)).id,
        made(*RESULTS[:-1]).id,
        made().id,
    }
    assert len(ids) == 5
