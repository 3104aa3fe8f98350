"""Reports as they were built: what their results observed is read from the samples unless it differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from runner.errors import StoreError
from runner.model.codec import decode, encode, instant
from runner.model.report import Report
from runner.model.result import Result
from runner.store.database import Database
from runner.store.samples import read_observations
from runner.store.values import json_text


def write_report(
    db: Database, report: Report, recorded: Mapping[str, Result], written: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Keeps the report, replacing one with the same id, and marks its results as reported.

    `recorded` are the results of this transaction by run: their observations need no second copy.
    `written` is what was kept of them as plain data, so that it is not made twice.
    """
    shared = [_is_recorded(result, recorded) for result in report.results]
    plain = encode(replace(report, results=()))
    plain["results"] = [
        (
            written[result.run]
            if recorded[result.run] is result and result.run in written
            else encode(_without_observations(result))
        )
        if stored
        else encode(result)
        for result, stored in zip(report.results, shared, strict=True)
    ]
    db.execute(
        "insert into reports (id, created, data) values (?, ?, ?)"
        " on conflict (id) do update set created = excluded.created, data = excluded.data",
        (report.id, instant(report.created), json_text({"report": plain, "shared": shared})),
    )
    db.executemany("update runs set report = ? where run = ?", ((report.id, result.run) for result in report.results))


def read_report(db: Database, report_id: str) -> Report:
    """The report as it was recorded."""
    (data,) = db.execute("select data from reports where id = ?", (report_id,)).fetchone()
    try:
        kept: Any = json.loads(data)
        report: Report = decode(Report, kept["report"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the recorded report {report_id} cannot be read: {error}") from error
    results = zip(report.results, kept["shared"], strict=True)
    return replace(report, results=tuple(_filled(db, result) if shared else result for result, shared in results))


def _is_recorded(result: Result, recorded: Mapping[str, Result]) -> bool:
    other = recorded.get(result.run)
    return other is not None and other.outcome.observations == result.outcome.observations


def _without_observations(result: Result) -> Result:
    return result.with_outcome(replace(result.outcome, observations=()))


def _filled(db: Database, result: Result) -> Result:
    row = db.execute("select id from runs where run = ?", (result.run,)).fetchone()
    observations = read_observations(db, row[0]) if row else ()
    return result.with_outcome(replace(result.outcome, observations=observations))
