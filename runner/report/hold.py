"""What a route holds back: problems that are too young for it, and everything new in its quiet hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from runner.model.home import Route
from runner.model.job import Window
from runner.model.problem import Change
from runner.model.quantity import counted, show_duration
from runner.model.result import Finding, Result
from runner.schedule.window import in_window


def is_quiet(route: Route, at: datetime, windows: Mapping[str, Window]) -> bool:
    """Whether the route tells nothing new at that time."""
    window = windows.get(route.quiet)
    return window is not None and in_window(window, at)


def without_held(result: Result, route: Route, at: datetime, *, quiet: bool) -> Result:
    """The result without the open problems that the route does not tell at that time; recoveries are always told.

    It counts as skipped when no problem is left of it.
    """
    if not (quiet or route.lasting):
        return result
    held = [item for item in result.outcome.findings if item.is_open and (quiet or not _has_lasted(item, route, at))]
    if not held:
        return result
    kept = tuple(item for item in result.outcome.findings if item not in held)
    series = {item.series for item in held}
    transitions = tuple(
        item for item in result.transitions if item.change is Change.RECOVERED or item.series not in series
    )
    why = f"quiet hours {route.quiet}" if quiet else f"not yet {show_duration(route.lasting)} old, or acknowledged"
    note = f"{counted(len(held), 'problem')} held back: {why}"
    outcome = result.outcome
    if any(item.is_open for item in kept):
        outcome = replace(outcome, findings=kept, notes=(*outcome.notes, note))
    else:
        outcome = replace(outcome, findings=kept, skipped=note, summary=note)
    return replace(result, outcome=outcome, transitions=transitions)


def _has_lasted(finding: Finding, route: Route, at: datetime) -> bool:
    """Somebody who knows of a problem need not be woken by its age."""
    old = finding.since is not None and at - finding.since >= timedelta(seconds=route.lasting)
    return old and not finding.acknowledged
