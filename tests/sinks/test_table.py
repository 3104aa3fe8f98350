"""The sink `table`: rows in a real PostgreSQL, each report once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.api import RetryableSinkError, Secret, SinkError
from tests.formats import samples
from tests.formats.hostile import CELLS, everywhere
from tests.postgres import ROLE_PASSWORD, Database
from tests.sinks.contexts import sink

REPORT = samples.bad_night()


def test_a_row_for_each_result_and_each_report_once(database: Database, tmp_path: Path) -> None:
    carrier = sink("table", tmp_path, dsn=Secret(database.dsn()))
    for _ in range(2):
        carrier.emit(REPORT)
    carrier.emit(replace(REPORT, id="other", results=REPORT.results[:1]))
    carrier.close()
    carrier.close()
    rows = database.execute("select result, state, summary from runner_reports where report <> 'other' order by result")
    assert len(rows) == len(REPORT.results)
    assert ("dead-rows@main", "critical", "2 of 214 tables over their limit") in rows
    assert database.value("select count(*) from runner_reports") == len(REPORT.results) + 1
    found = database.execute(
        "select document ->> 'group', jsonb_array_length(document -> 'results'), "
        "document #>> '{results,0,findings,1,message}', slot = timestamptz '2026-11-24 01:30Z' "
        "from runner_reports where result = 'dead-rows@main'"
    )
    assert found[0] == ("db-health-check", 1, "public.orders: 1,250,000 dead rows", True)


def test_a_report_without_results_leaves_a_row(database: Database, tmp_path: Path) -> None:
    sink("table", tmp_path, dsn=database.dsn()).emit(samples.empty())
    assert database.execute("select result, state, document #>> '{faults,0,where}' from runner_reports") == [
        ("", "unknown", "store")
    ]


def test_every_text_can_be_kept(database: Database, tmp_path: Path) -> None:
    carrier = sink("table", tmp_path, dsn=database.dsn(), timeout=60.0)
    for number, cell in enumerate(CELLS.values()):
        carrier.emit(replace(everywhere(cell), id=str(number)))
    assert database.value("select count(distinct report) from runner_reports") == len(CELLS)


def test_a_role_that_may_only_insert(database: Database, minimal_role: str, tmp_path: Path) -> None:
    database.execute("create schema kept")
    sink("table", tmp_path, dsn=database.dsn(), table="kept.reports").emit(REPORT)
    carrier = sink("table", tmp_path, dsn=database.dsn(minimal_role), table="kept.reports")
    with pytest.raises(RetryableSinkError, match="permission denied"):
        carrier.emit(replace(REPORT, id="mine"))
    database.execute(
        f"grant usage on schema kept to {minimal_role}", f"grant insert, select on kept.reports to {minimal_role}"
    )
    carrier.emit(replace(REPORT, id="mine"))
    assert database.value("select count(*) from kept.reports where report = 'mine'") == len(REPORT.results)


def test_a_table_of_somebody_else_is_refused_for_good(database: Database, tmp_path: Path) -> None:
    database.execute("create table runner_reports (report text)")
    with pytest.raises(SinkError, match=r"column .* does not exist") as caught:
        sink("table", tmp_path, dsn=database.dsn()).emit(REPORT)
    assert not isinstance(caught.value, RetryableSinkError)


def test_a_table_that_is_missing_can_be_mended(database: Database, tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match='"runner_reports" does not exist') as caught:
        sink("table", tmp_path, dsn=database.dsn(), create=False).emit(REPORT)
    assert "create table" in caught.value.hint


def test_a_locked_table_is_left_in_time(database: Database, tmp_path: Path) -> None:
    carrier = sink("table", tmp_path, dsn=database.dsn(), timeout=0.5)
    sink("table", tmp_path, dsn=database.dsn()).emit(REPORT)
    stopped = pytest.raises(RetryableSinkError, match=r"lock timeout|statement timeout")
    with database.session("begin", "lock table runner_reports"), stopped:
        carrier.emit(replace(REPORT, id="later"))
    carrier.emit(replace(REPORT, id="later"))


def test_no_password_in_what_is_said(database: Database, minimal_role: str, tmp_path: Path) -> None:
    wrong = database.dsn(minimal_role).replace(ROLE_PASSWORD, "wrong-password")
    for dsn in (f"{wrong} port=1", "host=127.0.0.1 port=1 password=wrong-password dbname=wrong-password"):
        with pytest.raises(RetryableSinkError) as caught:
            sink("table", tmp_path, dsn=dsn).emit(REPORT)
        assert "wrong-password" not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"


def test_an_address_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    for dsn in ("postgresql://u:se cret@", "secret-word without sense", "host"):
        with pytest.raises(SinkError, match="the `dsn` of the sink `receiver` cannot be read") as caught:
            sink("table", tmp_path, dsn=Secret(dsn))
        assert dsn not in str(caught.value)
        assert not isinstance(caught.value, RetryableSinkError)


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    sink("table", tmp_path, dsn="host=127.0.0.1 port=1", dry_run=True).emit(REPORT)
