"""The formats `json` and `json_lines`: one public document, whatever the content."""

from __future__ import annotations

import json
import time

import pytest

from runner.formats.document import report_document
from runner.formats.json_text import render, render_line
from runner.model.report import SCHEMA
from tests.formats import samples
from tests.formats.samples import Templates

TOP = [
    "schema",
    "id",
    "group",
    "title",
    "state",
    "slot",
    "created",
    "next_slot",
    "counts",
    "targets",
    "results",
    "faults",
]
RESULT = [
    "key", "run", "job", "kind", "title", "target", "tags", "state", "summary", "skipped", "slot", "started", "finished",
    "seconds", "hint", "runbook", "findings", "transitions", "columns", "observations", "trends", "tables", "notes",
    "key_columns",
]  # fmt: skip


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@pytest.mark.parametrize("name", sorted(samples.ALL))
def test_both_formats_write_the_same_strict_document(name: str) -> None:
    made = samples.ALL[name]()
    line, indented = render_line(made, {}, Templates()), render(made, {}, Templates())
    document = json.loads(line, parse_constant=_refuse)
    assert document == json.loads(indented, parse_constant=_refuse)
    assert len(line.splitlines()) == 1
    assert line.endswith("}\n")
    assert list(document) == TOP
    assert document["schema"] == SCHEMA == "runner.report/1"
    assert all(list(result) == RESULT for result in document["results"])


def test_what_a_result_looks_like() -> None:
    document = report_document(samples.bad_night())
    dead_rows = document["results"][0]
    assert document["slot"] == "2026-11-24T01:30:00Z"
    assert dead_rows["finished"] == "2026-11-24T01:30:02.400000Z"
    assert document["counts"] == {"ok": 4, "learning": 1, "warning": 0, "unknown": 1, "critical": 1, "skipped": 1}
    assert dead_rows["key"] == "dead-rows@main"
    assert dead_rows["findings"][1] == {
        "state": "critical",
        "database": "",
        "row": ["public", "orders"],
        "message": "public.orders: 1,250,000 dead rows",
        "reason": "",
        "hint": "runner run vacuum-table --param table=public.orders",
        "pending": False,
        "acknowledged": None,
        "since": "2026-11-22T22:30:00Z",
    }
    assert dead_rows["observations"] == [
        {"database": "", "row": ["public", "orders"], "values": {"dead_rows": 1250000}}
    ]
    assert dead_rows["transitions"][0]["change"] == "worsened"


def test_hostile_content_is_harmless() -> None:
    line = render_line(samples.hostile(), {}, Templates())
    assert not set(line[:-1]) & {*map(chr, [*range(32), *range(127, 160)]), "\u2028", "\u202e", "\ud800"}
    line.encode("utf-8")
    assert len(line) < 1_000_000
    values = json.loads(line)["results"][0]["observations"][0]["values"]
    assert values["n"] == "NaN"
    assert values["i"] == "Infinity"
    assert values["b"] is True


def test_numbers_that_no_reader_can_hold_are_null() -> None:
    huge = samples.Observation(values={"n": 10**5000})
    made = samples.report(samples.result("huge", samples.Outcome(summary="", observations=(huge,))))
    assert json.loads(render_line(made, {}, Templates()))["results"][0]["observations"][0]["values"] == {"n": None}


def test_ten_thousand_findings_take_no_time_that_grows_with_their_square() -> None:
    made = samples.very_many()
    started = time.perf_counter()
    render(made, {}, Templates())
    # A tenth of this is usual; the bound only tells work that grows with the square.
    assert time.perf_counter() - started < 20
