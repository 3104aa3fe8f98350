"""A report as events of PagerDuty's Events API v2."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from runner.api import Change, Finding, Report, Result, Series, State, Transition, clean

# https://developer.pagerduty.com/docs/send-alert-event: `summary` has at most 1,024 characters, `dedup_key` 255,
# and the severities are these four; an event has at most 512 KB.
_SUMMARY, _KEY, _TEXT = 1024, 255, 500
_SEVERITIES = {State.CRITICAL: "critical", State.UNKNOWN: "error", State.WARNING: "warning"}
_MOST_RESOLVED = 100


def events_of(report: Report, most: int, *, acknowledge: bool) -> list[dict[str, Any]]:
    """Without the routing key, one for each `dedup_key`, which a problem keeps for ever: what opened again is not resolved.

    What is resolved twice does no harm.
    """
    return list({event["dedup_key"]: event for event in _all(report, most, acknowledge=acknowledge)}.values())


def _all(report: Report, most: int, *, acknowledge: bool) -> Iterator[dict[str, Any]]:
    for result in report.results:
        found = [item for item in result.outcome.findings if item.is_open]
        over = sorted(
            (item for item in result.transitions if item.change is Change.RECOVERED), key=lambda item: item.since
        )
        if len(found) > most:
            yield _whole(report, result, found)
        elif len(found) + len(over) > most:
            # There may have been more problems than this before: then they were one alert.
            yield _resolved(result, None)
        # What began first is what has an alert of its own when a job had too many problems later.
        yield from (_resolved(result, item) for item in over[:_MOST_RESOLVED])
        if len(found) <= most:
            yield from _each(report, result, found, acknowledge=acknowledge)


def _each(report: Report, result: Result, found: list[Finding], *, acknowledge: bool) -> Iterator[dict[str, Any]]:
    for item in found:
        if acknowledge and item.acknowledged:
            yield {"event_action": "acknowledge", "dedup_key": _key(result, item.series)}
        else:
            row = clean(str(item.series), limit=200)
            yield _triggered(report, result, item, _key(result, item.series), item.message or row, {"row": row})


def _whole(report: Report, result: Result, found: list[Finding]) -> dict[str, Any]:
    """One alert for a job that has too many problems to call for each."""
    worst = max(found, key=lambda item: item.state.rank)
    rows = [clean(f"{item.state.value}: {item.message}", limit=_TEXT) for item in found[:20]]
    said = f"{len(found):,} problems, the first: {found[0].message}"
    return _triggered(report, result, worst, _key(result, None), said, {"problems": len(found), "first": rows})


def _triggered(
    report: Report, result: Result, item: Finding, key: str, said: str, details: Mapping[str, object]
) -> dict[str, Any]:
    place = "/".join(part for part in (result.target, item.series.database) if part)
    job = clean(result.job, limit=100)
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": key,
        "client": "runner",
        "payload": {
            "summary": clean(f"{job} on {place or 'this host'}: {said}", limit=_SUMMARY),
            "source": clean(place, limit=_KEY) or "runner",
            "severity": _SEVERITIES[item.state],
            "timestamp": (item.since or report.slot).isoformat(),
            "component": job or "runner",
            "group": clean(report.group, limit=100) or "runner",
            "class": clean(result.kind, limit=100),
            "custom_details": {
                "title": clean(result.title, limit=_TEXT),
                "hint": clean(item.hint or ("" if item.state is State.UNKNOWN else result.hint), limit=_TEXT),
                "report": clean(report.id, limit=_TEXT),
                **details,
            },
        },
    }
    if result.runbook.startswith(("http://", "https://")):
        event["links"] = [{"href": clean(result.runbook, limit=_TEXT), "text": "Runbook"}]
    return event


def _resolved(result: Result, item: Transition | None) -> dict[str, Any]:
    return {"event_action": "resolve", "dedup_key": _key(result, item.series if item else None)}


def _key(result: Result, series: Series | None) -> str:
    """`job@target/row`, or the digest of what is too long or has characters that are not plain."""
    row = "" if series is None else f"/{series}"
    text = f"{result.job}@{result.target}{row}"
    if len(text) <= _KEY and text.isascii() and text.isprintable():
        return text
    parts = "\n".join((result.job, result.target, *(() if series is None else (series.database, *series.key))))
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()
