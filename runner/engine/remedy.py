"""`remedy_auto:` whether a job that mends has something to do in its window, and what a check finds afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from runner.kinds.check.spec import CheckSpec, Remedy
from runner.model.history import Series
from runner.model.job import Job
from runner.model.problem import Memory, Problem
from runner.model.quantity import show_duration
from runner.model.result import Outcome
from runner.model.state import State
from runner.schedule import latest, show_instant
from runner.store.base import RunRecord

_CLOCK_CHANGE: Final = timedelta(hours=1)
"""A night that comes an hour early because the clocks changed is not too early."""
_NAMED: Final = 5
MOST_RUNS: Final = 1000
"""So many of a job's newest runs are looked through for the one on a target."""
FOUND: Final = (State.WARNING, State.CRITICAL)
"""What a check found; where it could not look nothing is mended."""


def remedy_of(job: Job) -> Remedy | None:
    """The remedy of a check that runs by itself."""
    remedy = job.spec.remedy if isinstance(job.spec, CheckSpec) else None
    return remedy if remedy is not None and remedy.auto else None


def is_by_itself(mender: Job, slot: datetime) -> bool:
    """Whether it is a slot of the job's windows, and not the instant of a run by name."""
    return mender.schedule is not None and latest(mender.schedule, slot) == slot


def at_most_every(mender: Job, jobs: Mapping[str, Job]) -> timedelta:
    """The longest `remedy_every` of the checks that it mends."""
    found = (remedy_of(jobs[name]) for name in mender.mends if name in jobs)
    return timedelta(seconds=max((remedy.every for remedy in found if remedy), default=0.0))


def needless(
    mender: Job, target: str, slot: datetime, problems: Iterable[Problem], runs: Iterable[RunRecord], every: timedelta
) -> str:
    """Why the job is not run for this slot; empty when it is.

    `problems` are the open ones, `runs` the newest runs of the job. Its own problems are a reason to run: they end
    with those that they came from.
    """
    here = [problem for problem in problems if problem.target == target]
    names = " or ".join(f"`{name}`" for name in mender.mends)
    if not any(problem.job in mender.mends and problem.state in FOUND for problem in here):
        return "" if any(problem.job == mender.name for problem in here) else f"{names} has no open problem"
    last = last_by_itself(mender, target, runs)
    if last is None or slot - last.slot >= every - _CLOCK_CHANGE:
        return ""
    when = show_instant(last.slot, mender.schedule.timezone if mender.schedule else "UTC", slot)
    return f"it ran for {names} on {when}, and `remedy_every` is {show_duration(every.total_seconds())}"


def last_by_itself(mender: Job, target: str, runs: Iterable[RunRecord]) -> RunRecord | None:
    """The newest run that was not asked for by name, and did not pass."""
    for run in runs:
        done = run.status == "done" and run.state is not State.SKIPPED
        if run.target == target and done and is_by_itself(mender, run.slot):
            return run
    return None


def what_became(mender: Job, run: RunRecord | None, memory: Memory, outcome: Outcome, timezone: str) -> str:
    """What the check finds of the problems that the run was for, when it looks for the first time since; or nothing."""
    if run is None or run.started is None or run.finished is None:
        return ""
    mended = [
        series for series, problem in memory.problems.items()
        if problem.opened is not None and problem.opened <= run.started and problem.seen < run.finished
        and series.database in outcome.looked
    ]  # fmt: skip
    states = {finding.series: finding.state for finding in outcome.findings}
    gone = [series for series in mended if series not in states]
    there = [series for series in mended if states.get(series) in FOUND]
    if not gone and not there:
        return ""
    how = f", which was {run.state.value}" if run.state is not None and run.state.is_problem else ""
    when = show_instant(run.started, timezone, run.started)
    said = [f"{_named(found)} {word}" for found, word in ((gone, "gone"), (there, "still there")) if found]
    return f"remedied by {mender.name} on {when}{how}: {'; '.join(said)}"


def _named(found: Sequence[Series]) -> str:
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(str(series) or "the problem" for series in found[:_NAMED]) + more
