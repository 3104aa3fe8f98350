"""Reports as single messages."""

from __future__ import annotations

from runner.formats.document import report_document
from runner.sinks.events import MOST, events
from tests.formats import samples
from tests.formats.hostile import CELLS, everywhere


def test_the_whole_first_then_each_problem_the_worst_first() -> None:
    found = [(item.word, item.severity, item.text) for item in events(report_document(samples.everything()))]
    assert found == [
        (
            "critical",
            2,
            "CRITICAL db-health-check: 5 ok, 1 learning, 1 warning, 1 unknown, 1 critical, 2 skipped",
        ),
        ("critical", 2, "CRITICAL dead-rows on main: public.orders: 1,250,000 dead rows"),
        ("unknown", 3, "UNKNOWN backup-age on main: permission denied for function pg_ls_archive_statusdir"),
        ("warning", 4, "WARNING dead-rows on main: public.items: 150,000 dead rows"),
        ("warning", 4, "WARNING standby-lag on main: replay is 40 s behind (acknowledged by ana)"),
        ("recovered", 5, "recovered long-transactions on main: pid 4242: open for 6 h (was critical)"),
        ("fault", 3, "FAULT plugin acme: cannot be imported: ImportError: no acme"),
    ]


def test_each_event_knows_its_place() -> None:
    event = events(report_document(samples.two_targets()))[1]
    assert (event.job, event.target, event.database, event.row) == ("replication-lag", "standby", "", "")
    event = events(report_document(samples.two_targets()))[2]
    assert (event.job, event.target, event.database, event.row) == ("dead-rows", "main", "shop", "public.orders")


def test_very_many_problems_are_counted() -> None:
    found = events(report_document(samples.very_many()))
    assert len(found) == MOST + 2
    assert found[-1].text == "db-health-check: and 9,900 more"


def test_a_report_without_results_is_unknown() -> None:
    assert [item.text for item in events(report_document(samples.empty()))] == [
        "UNKNOWN db-health-check: no results",
        "FAULT store: the run could not be recorded",
    ]


def test_every_event_is_one_harmless_line() -> None:
    for cell in CELLS.values():
        for event in events(report_document(everywhere(cell))):
            assert event.text.isprintable() or not set(event.text) & {*map(chr, range(32)), "\x7f", "\x9b", "\u202e"}
            assert len(event.text) < 1200
