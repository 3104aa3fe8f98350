"""A report as metrics and as log records."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from runner.api import Change, Dimension, Observation, Report, Result, Series, State, clean
from runner_otlp.encoding import gauge, point, record

# https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_INFO, _WARN, _ERROR, _FATAL = (9, "INFO"), (13, "WARN"), (17, "ERROR"), (21, "FATAL")
_SEVERITIES = {State.CRITICAL: _FATAL, State.UNKNOWN: _ERROR, State.WARNING: _WARN}
# Units in UCUM's spelling: https://opentelemetry.io/docs/specs/semconv/general/metrics/#instrument-units
_UNITS = {Dimension.BYTES: "By", Dimension.SECONDS: "s", Dimension.TIME: "s"}
_MOST_RECORDS = 500


def metrics_of(report: Report, most: int) -> list[dict[str, Any]]:
    """Gauges: the state of each job, its findings and duration, and at most so many observed values."""
    states, findings, durations = [], [], []
    for result in report.results:
        texts = _texts(report, result)
        for state in State:
            labels = {**texts, "state": state.value}
            states.append(point(float(result.state is state), result.finished, labels))
            if state.is_problem:
                count = sum(item.state is state and not item.pending for item in result.outcome.findings)
                findings.append(point(float(count), result.finished, labels))
        durations.append(point((result.finished - result.started).total_seconds(), result.finished, texts))
    found = [
        gauge("runner.job.state", "1", "1 for the state that the job is in.", states),
        gauge("runner.job.findings", "{finding}", "Findings in each state.", findings),
        gauge("runner.job.duration", "s", "How long the last run took.", durations),
        *_values(report, most),
        gauge("runner.report.faults", "{fault}", "Failures of runner itself.", [
            point(float(len(report.faults)), report.created, {"runner.group": report.group})
        ]),
    ]  # fmt: skip
    return [item for item in found if item["gauge"]["dataPoints"]]


def _values(report: Report, most: int) -> Iterator[dict[str, Any]]:
    """One gauge for each column and unit."""
    points: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in report.results:
        measures = {column.name: column.dimension for column in result.outcome.columns}
        for observation in result.outcome.observations:
            for name, value in _numbers(observation, measures):
                if most <= 0:
                    break
                most -= 1
                key = (_metric(name), _UNITS.get(measures.get(name, Dimension.NUMBER), "1"))
                texts = {**_texts(report, result), **_row(observation.series, result)}
                points.setdefault(key, []).append(point(value, result.finished, texts))
    for (name, unit), found in points.items():
        yield gauge(name, unit, f"What jobs observed as {name.rpartition('.')[2]}.", found)


def _numbers(observation: Observation, measures: Mapping[str, Dimension]) -> Iterator[tuple[str, float]]:
    for name, value in observation.values.items():
        try:
            moment = measures.get(name) is Dimension.TIME and isinstance(value, str)
            number = datetime.fromisoformat(str(value)).timestamp() if moment else float(value or 0)
        except (ValueError, OverflowError):
            continue
        # Texts and nulls are no numbers, and JSON has no other than finite ones.
        if math.isfinite(number) and (moment or isinstance(value, (bool, int, float))):
            yield name, number


def records_of(report: Report) -> list[dict[str, Any]]:
    """What the report says as a whole, then each problem, recovery and fault."""
    found = [record(_whole(report), _SEVERITIES.get(report.state, _INFO), report.created, report.created, {
        "runner.report": report.id, "runner.group": report.group, "runner.state": report.state.value,
    })]  # fmt: skip
    for result in report.results:
        for item in result.outcome.findings:
            if item.is_open:
                texts = {**_texts(report, result), **_row(item.series, result), "runner.state": item.state.value}
                texts |= {"runner.hint": item.hint, "runner.runbook": result.runbook}
                said = f"{result.job}: {item.message}"
                found.append(record(said, _SEVERITIES[item.state], result.finished, report.created, texts))
        for change in result.transitions:
            if change.change is Change.RECOVERED:
                texts = {**_texts(report, result), **_row(change.series, result), "runner.state": "recovered"}
                said = f"{result.job}: recovered: {change.message}"
                found.append(record(said, _INFO, change.at, report.created, texts))
    for fault in report.faults:
        texts = {"runner.group": report.group, "runner.state": "fault", "runner.where": fault.where}
        found.append(record(f"{fault.where}: {fault.message}", _ERROR, report.created, report.created, texts))
    left = len(found) - _MOST_RECORDS
    if left > 0:
        note = record(f"and {left:,} more", _INFO, report.created, report.created, {"runner.report": report.id})
        return [*found[:_MOST_RECORDS], note]
    return found


def _whole(report: Report) -> str:
    states = [result.state for result in report.results]
    counts = ", ".join(f"{states.count(state):,} {state.value}" for state in State if state in states) or "no results"
    return f"{clean(report.title or report.group, limit=200)}: {counts}"


def _texts(report: Report, result: Result) -> dict[str, str]:
    return {"runner.job": result.job, "runner.target": result.target, "runner.group": report.group}


def _row(series: Series, result: Result) -> dict[str, str]:
    """The database in the words of the semantic conventions, and the key columns by their names."""
    names = result.outcome.key
    named = len(names) == len(series.key)
    keys = {f"runner.key.{name}": text for name, text in zip(names, series.key, strict=False)} if named else {}
    return {"db.namespace": series.database, **(keys or {"runner.row": ".".join(series.key)})}


def _metric(column: str) -> str:
    """https://opentelemetry.io/docs/specs/otel/metrics/api/#instrument-name-syntax: at most 255 of these characters."""
    return f"runner.value.{re.sub(r'[^a-zA-Z0-9_./-]', '_', column).lower()[:200] or '_'}"
