"""Silences: a problem that nobody wants to hear of is shown as skipped, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from runner.model.history import Series
from runner.model.home import Silence
from runner.model.job import Window
from runner.model.problem import Change
from runner.model.report import Report
from runner.model.result import Finding, Result
from runner.model.target import Target
from runner.schedule.window import in_window


def muted(
    result: Result, report: Report, target: Target, silences: Iterable[Silence], windows: Mapping[str, Window]
) -> Result:
    """The result as it is, or without what somebody is silent about; skipped when no problem is left of it."""
    if not (result.state.is_problem or result.transitions):
        return result
    holding = [item for item in silences if holds(item, result.job, target, report.created, windows)]
    if not holding:
        return result
    kept = tuple(item for item in result.outcome.findings if not (item.is_open and _is_silent(item.series, holding)))
    # An end is no noise: it is told only to sinks that were told of the problem, before the silence.
    transitions = tuple(
        item for item in result.transitions if item.change is Change.RECOVERED or not _is_silent(item.series, holding)
    )
    silent = [item for item in result.outcome.findings if item not in kept]
    if silent:
        result = _shown(result, kept, len(silent), next(item for item in holding if means(item, silent[0].series)))
    return result if transitions == result.transitions else replace(result, transitions=transitions)


def holds(silence: Silence, job: str, target: Target, at: datetime, windows: Mapping[str, Window]) -> bool:
    """Whether the silence means the job on the target at that time; what it says of keys is not asked."""
    named = any(fnmatchcase(job, pattern) for pattern in silence.jobs) and silence.targets.admits(target)
    if not named or (silence.until is not None and at >= silence.until):
        return False
    window = windows.get(silence.window)
    return not silence.window or (window is not None and in_window(window, at))


def blackout(
    silences: Iterable[Silence], job: str, target: Target, at: datetime, windows: Mapping[str, Window]
) -> Silence | None:
    """The silence because of which the job does not run on the target at that time, if there is one."""
    skipping = (item for item in silences if item.runs == "skip")
    return next((item for item in skipping if holds(item, job, target, at, windows)), None)


def silenced_reason(silence: Silence) -> str:
    """`silenced until 2027-01-31 18:00 by ana: bulk load`."""
    until = f" until {silence.until:%Y-%m-%d %H:%M}" if silence.until else ""
    return f"silenced{until}{f' by {silence.author}' if silence.author else ''}: {silence.reason}"


def _is_silent(series: Series, holding: Iterable[Silence]) -> bool:
    return any(means(item, series) for item in holding)


def means(silence: Silence, series: Series) -> bool:
    """Whether the row is one of the silence's keys."""
    return any(is_named(series, pattern) for pattern in silence.keys)


def is_named(series: Series, pattern: str) -> bool:
    """Whether a pattern means the row: as `schema.table`, or with its database as `db/schema.table`."""
    return any(fnmatchcase(name, pattern) for name in (str(series), ".".join(series.key)))


def _shown(result: Result, kept: tuple[Finding, ...], silent: int, silence: Silence) -> Result:
    outcome = result.outcome
    if any(item.is_open for item in kept):
        note = f"{silent} finding{'s' if silent > 1 else ''} {silenced_reason(silence)}"
        return result.with_outcome(replace(outcome, findings=kept, notes=(*outcome.notes, note)))
    reason = f"{silenced_reason(silence)} (is {result.state.value})"
    return result.with_outcome(replace(outcome, findings=(), skipped=reason, summary=reason))
