"""A report as alerts of Alertmanager's API v2: labels say which problem it is, annotations what is known of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from runner.api import Change, Finding, Report, Result, Series, State, Transition, clean

# https://prometheus.io/docs/alerting/latest/alerts_api: `alertname` is required, times are RFC 3339, an alert ends at
# `endsAt`. Label names: https://prometheus.io/docs/concepts/data_model.
_INTERVALS = 3
_SHORTEST, _USUAL = timedelta(minutes=5), timedelta(hours=4)
_LABEL, _TEXT = 200, 1000


def alerts_of(report: Report, labels: Mapping[str, str], expires: timedelta | None) -> list[dict[str, Any]]:
    """What fires now, what has another severity than before, and what is over."""
    lasts = expires or lasting(report)
    found: list[dict[str, Any]] = []
    for result in report.results:
        fixed = {**labels, **_common(report, result)}
        found += [_over(result, fixed, item) for item in result.transitions if item.change is not Change.OPENED]
        found += [_firing(report, result, fixed, item, lasts) for item in result.outcome.findings if item.is_open]
    return list(_once(found))


def lasting(report: Report) -> timedelta:
    """How long an alert fires that is not sent again: a report or two may be late."""
    if report.next_slot is None:
        return _USUAL
    return max((report.next_slot - report.slot) * _INTERVALS, _SHORTEST)


def _firing(
    report: Report, result: Result, labels: Mapping[str, str], item: Finding, lasts: timedelta
) -> dict[str, Any]:
    known = item.acknowledged
    annotations = {
        "summary": item.message,
        "description": result.title,
        "hint": item.hint or ("" if item.state is State.UNKNOWN else result.hint),
        "runbook_url": result.runbook,
        "acknowledged": f"by {known.author}: {known.reason}" if known else "",
    }
    begins = min(item.since or report.slot, report.created)
    return _alert(labels, item.series, result, item.state, annotations, begins, report.created + lasts)


def _over(result: Result, labels: Mapping[str, str], item: Transition) -> dict[str, Any]:
    """What has recovered, or has another severity now, ends under the severity that it had."""
    annotations = {"summary": item.message, "description": result.title}
    return _alert(labels, item.series, result, item.before, annotations, min(item.since, item.at), item.at)


def _alert(
    labels: Mapping[str, str], series: Series, result: Result, state: State, annotations: Mapping[str, str],
    begins: datetime, ends: datetime,
) -> dict[str, Any]:  # fmt: skip
    whole = {**labels, **_row(series, result), "severity": state.value}
    return {
        "labels": {name: text for name in sorted(whole) if (text := clean(whole[name], limit=_LABEL).strip())},
        "annotations": {
            name: text for name, given in annotations.items() if (text := clean(given, limit=_TEXT).strip())
        },
        "startsAt": begins.isoformat(),
        "endsAt": ends.isoformat(),
    }


def _common(report: Report, result: Result) -> dict[str, str]:
    return {"alertname": result.job.strip() or "runner", "target": result.target, "group": report.group}


def _row(series: Series, result: Result) -> dict[str, str]:
    """The key columns by their names, or all of them as `row`."""
    names = result.outcome.key
    place = {"database": series.database}
    if len(names) != len(series.key):
        return {**place, "row": ".".join(series.key)}
    return {**{label_name(name): text for name, text in zip(names, series.key, strict=True)}, **place}


def label_name(name: str) -> str:
    """A name that is valid and not one of ours."""
    word = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    taken = word in {"alertname", "target", "group", "database", "severity"}
    return f"key_{word}" if taken or not re.match(r"[a-zA-Z]", word) else word


def _once(alerts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of alerts with the same labels the last: what fires outweighs what ended."""
    yield from {tuple(item["labels"].items()): item for item in alerts}.values()
