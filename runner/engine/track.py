"""Findings against what was known: which problems open, change, wait for their `for:`, or recover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from runner.model.history import Series
from runner.model.job import Hold, Job
from runner.model.problem import Change, Memory, Problem, Transition
from runner.model.result import Finding, Outcome
from runner.model.state import State
from runner.records import dataclass

_GONE = {"warning": State.WARNING, "critical": State.CRITICAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """The outcome with pending findings marked, the memory for the next run, and what changed."""

    outcome: Outcome
    memory: Memory
    transitions: tuple[Transition, ...]


def track(job: Job, target: str, outcome: Outcome, memory: Memory, now: datetime, seen: Iterable[Series]) -> Tracked:
    """`seen` are the series of earlier runs, for `on_gone`; a database that was not looked at keeps its problems."""
    findings = (*outcome.findings, *_gone(job, outcome, seen))
    worst = _worst_by_series(findings)
    problems: dict[Series, Problem] = {}
    transitions: list[Transition] = []
    for series, finding in worst.items():
        before = memory.problems.get(series)
        problem = _advance(job, target, finding, before, now)
        problems[series] = problem
        if change := _change(before, problem):
            transitions.append(_transition(problem, before, problem.state, change, now))
    for series, before in memory.problems.items():
        if series in worst:
            continue
        if not _is_over(series, outcome):
            problems[series] = before
        elif before.is_open:
            told = replace(before, message=f"no longer applies: {outcome.skipped}") if outcome.skipped else before
            transitions.append(_transition(told, before, State.OK, Change.RECOVERED, now))
    marked = tuple(_mark(finding, problems.get(finding.series)) for finding in findings)
    return Tracked(
        outcome=replace(outcome, findings=marked), memory=Memory(problems=problems), transitions=tuple(transitions)
    )


def _worst_by_series(findings: Iterable[Finding]) -> Mapping[Series, Finding]:
    found: dict[Series, Finding] = {}
    for finding in findings:
        if not finding.state.is_problem:
            continue
        known = found.get(finding.series)
        if known is None or finding.state.rank > known.state.rank:
            found[finding.series] = finding
    return found


def _is_over(series: Series, outcome: Outcome) -> bool:
    """A problem that is not seen any more is over where something was looked at, or where nothing applies."""
    if outcome.held:
        return False
    if outcome.skipped or series.database in outcome.looked:
        return True
    # What was said about the job as a whole (an unreachable server) ends with the first look at anything.
    return series == Series() and bool(outcome.looked)


def _gone(job: Job, outcome: Outcome, seen: Iterable[Series]) -> Iterable[Finding]:
    if job.on_gone not in _GONE:
        return
    here = {observation.series for observation in outcome.observations}
    here |= {finding.series for finding in outcome.findings}
    for series in sorted(set(seen) - here):
        if series.key and series.database in outcome.looked:
            yield Finding(state=_GONE[job.on_gone], message=f"{series} is gone", series=series)


def _advance(job: Job, target: str, finding: Finding, before: Problem | None, now: datetime) -> Problem:
    # An unknown tells nothing: it neither advances nor resets what was known.
    if before and before.is_open and finding.state is State.UNKNOWN and before.state is not State.UNKNOWN:
        return replace(before, seen=now)
    if before is None:
        problem = Problem(
            job=job.name, target=target, series=finding.series, state=finding.state, since=now, seen=now,
            message=finding.message,
        )  # fmt: skip
    else:
        problem = replace(before, state=finding.state, seen=now, count=before.count + 1, message=finding.message)
    held = finding.state is State.UNKNOWN or _has_held(job.hold, problem, now)
    return problem if problem.is_open or not held else replace(problem, opened=now)


def _has_held(hold: Hold, problem: Problem, now: datetime) -> bool:
    if hold.seconds:
        return problem.count > 1 and now - problem.since >= timedelta(seconds=hold.seconds)
    return problem.count >= hold.runs


def _change(before: Problem | None, after: Problem) -> Change | None:
    if not after.is_open:
        return None
    if before is None or not before.is_open:
        return Change.OPENED
    if after.state is before.state:
        return None
    return Change.WORSENED if after.state.rank > before.state.rank else Change.EASED


def _transition(problem: Problem, before: Problem | None, after: State, change: Change, now: datetime) -> Transition:
    return Transition(
        job=problem.job,
        target=problem.target,
        series=problem.series,
        before=before.state if before and before.is_open else State.OK,
        after=after,
        change=change,
        at=now,
        since=problem.since,
        message=problem.message,
    )


def _mark(finding: Finding, problem: Problem | None) -> Finding:
    if problem is None or not finding.state.is_problem:
        return finding
    return replace(finding, pending=not problem.is_open, since=problem.since)
