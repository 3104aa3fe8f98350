"""Silences: a problem that nobody wants to hear of is shown as skipped, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from runner.model.home import Silence
from runner.model.job import Window
from runner.model.report import Report
from runner.model.result import Result
from runner.model.target import Target
from runner.schedule.window import in_window


def muted(
    result: Result, report: Report, target: Target, silences: Iterable[Silence], windows: Mapping[str, Window]
) -> Result:
    """The result as it is, or skipped with the silence's reason when there is something to be silent about."""
    if not (result.state.is_problem or result.transitions):
        return result
    silence = next((item for item in silences if _holds(item, result, report, target, windows)), None)
    if silence is None:
        return result
    if not result.state.is_problem:
        return replace(result, transitions=())
    until = f" until {silence.until:%Y-%m-%d %H:%M}" if silence.until else ""
    reason = f"silenced{until}: {silence.reason} (is {result.state.value})"
    outcome = replace(result.outcome, findings=(), skipped=reason, summary=reason)
    return replace(result, outcome=outcome, transitions=())


def _holds(silence: Silence, result: Result, report: Report, target: Target, windows: Mapping[str, Window]) -> bool:
    named = any(fnmatchcase(result.job, pattern) for pattern in silence.jobs) and silence.targets.admits(target)
    if not named or (silence.until is not None and report.created >= silence.until):
        return False
    window = windows.get(silence.window)
    return not silence.window or (window is not None and in_window(window, report.created))
