"""The public JSON document of a report, `runner.report/1`: it only grows, and its keys keep their order."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from runner.model.history import Sample, Series
from runner.model.problem import Acknowledgement, Transition
from runner.model.report import SCHEMA, Report, TargetInfo
from runner.model.result import Finding, Result, Table
from runner.model.state import State
from runner.template import clip

TEXT_LIMIT = 10_000
# Python refuses to write whole numbers of more than 4300 digits.
_LARGEST_BITS = 14_000


def report_document(report: Report) -> dict[str, Any]:
    """The report as plain JSON data: times in UTC with `Z`, numbers in base units, texts clipped."""
    states = Counter(result.state for result in report.results)
    document = {
        "schema": SCHEMA,
        "id": report.id,
        "group": report.group,
        "title": report.title,
        "state": report.state.value,
        "slot": report.slot,
        "created": report.created,
        "next_slot": report.next_slot,
        "counts": {state.value: states[state] for state in State},
        "targets": [_target(info) for info in report.targets],
        "results": [_result(result) for result in report.results],
        "faults": [{"where": item.where, "message": item.message, "hint": item.hint} for item in report.faults],
    }
    return {key: _json(value) for key, value in document.items()}


def moment(value: datetime) -> str:
    """RFC 3339 in UTC with a `Z`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: Any) -> Any:
    """Values as JSON has them; `NaN` and the infinities become text, as PostgreSQL writes them."""
    if isinstance(value, str):
        return value if len(value) <= TEXT_LIMIT else clip(value, TEXT_LIMIT)
    if isinstance(value, dict):
        return {_json(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, Decimal):
        value = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, int) and value.bit_length() > _LARGEST_BITS:
        return None
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _target(info: TargetInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "address": info.address,
        "version": info.version,
        "role": info.role,
        "labels": {key: info.labels[key] for key in sorted(info.labels)},
    }


def _result(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "key": f"{result.job}@{result.target}",
        "run": result.run,
        "job": result.job,
        "kind": result.kind,
        "title": result.title,
        "target": result.target,
        "tags": list(result.tags),
        "state": result.state.value,
        "summary": outcome.summary,
        "skipped": outcome.skipped,
        "slot": result.slot,
        "started": result.started,
        "finished": result.finished,
        "seconds": round((result.finished - result.started).total_seconds(), 3),
        "hint": result.hint,
        "runbook": result.runbook,
        "findings": [_finding(item) for item in outcome.findings],
        "transitions": [_transition(item) for item in result.transitions],
        "columns": [
            {"name": item.name, "measures": item.dimension.value, "warning": item.warning, "critical": item.critical}
            for item in outcome.columns
        ],
        "observations": [{**_series(item.series), "values": dict(item.values)} for item in outcome.observations],
        "trends": [
            {**_series(item.series), "column": item.column, "samples": [_sample(sample) for sample in item.samples]}
            for item in outcome.trends
        ],
        "tables": [_table(item) for item in outcome.tables],
        "notes": list(outcome.notes),
        "key_columns": list(outcome.key),
    }


def _finding(item: Finding) -> dict[str, Any]:
    return {
        "state": item.state.value,
        **_series(item.series),
        "message": item.message,
        "reason": item.reason,
        "hint": item.hint,
        "pending": item.pending,
        "since": item.since,
        "acknowledged": acknowledged(item.acknowledged),
    }


def acknowledged(known: Acknowledgement | None) -> dict[str, Any] | None:
    """Who knows of a problem."""
    if known is None:
        return None
    return {"by": known.author, "reason": known.reason, "at": known.at, "until": known.until}


def _transition(item: Transition) -> dict[str, Any]:
    return {
        "change": item.change.value,
        "before": item.before.value,
        "after": item.after.value,
        **_series(item.series),
        "at": item.at,
        "since": item.since,
        "message": item.message,
    }


def _table(item: Table) -> dict[str, Any]:
    return {
        "title": item.title,
        "columns": list(item.columns),
        "numeric": [name for name in item.columns if name in item.numeric],
        "rows": [list(row) for row in item.rows],
        "more": item.more,
    }


def _series(series: Series) -> dict[str, Any]:
    return {"database": series.database, "row": list(series.key)}


def _sample(sample: Sample) -> list[object]:
    return [sample.at, sample.value]
