"""What the store, the home and the clock together say about every job: shared by run-due, plan, status and explain."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from runner.api import Job, Scope
from runner.app.loading import Loaded
from runner.engine.claims import NOT_KNOWN, living
from runner.engine.decision import Decision
from runner.engine.due import LATE_AFTER, decide
from runner.engine.remedy import MOST_RUNS, at_most_every, needless
from runner.model.quantity import show_duration
from runner.model.target import HOST, Target
from runner.records import dataclass
from runner.report.silence import blackout, silenced_reason
from runner.schedule import in_window, window_in_words
from runner.store.base import RunRecord, Store


def targets_of(loaded: Loaded, job: Job) -> tuple[str, ...]:
    """The targets that a job runs on; jobs of the host run once."""
    if job.scope is Scope.HOST:
        return (HOST,)
    return tuple(name for name, target in loaded.home.targets.items() if job.targets.admits(target))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """The runs that were begun and have not ended, and which of their ticks live."""

    running: tuple[RunRecord, ...]
    alive: frozenset[str]


def under_way(store: Store, held: Callable[[frozenset[str]], frozenset[str]] | None = None) -> UnderWay:
    """Looked at once for all that a tick decides; `held` as for `living`. Raises StoreError."""
    running = store.running()
    return UnderWay(running=running, alive=living(store, running, held))


def decisions_of(
    loaded: Loaded, store: Store, jobs: Sequence[Job], now: datetime, found: UnderWay
) -> tuple[Decision, ...]:
    """One decision for each of the jobs on each of its targets. Raises StoreError; changes nothing."""
    live = frozenset((run.job, run.target) for run in found.running if run.tick in found.alive)
    settings, targets = loaded.home.settings, loaded.home.targets
    silences = (*store.silences(now), *settings.silences)

    def quiet(job: Job, name: str) -> str:
        target = targets.get(name) or Target(name=name, options={})
        found = blackout(silences, job.name, target, now, settings.windows)
        return silenced_reason(found) if found else ""

    names = {job.name: job for job in loaded.home.jobs}
    return decide(
        jobs,
        lambda job: targets_of(loaded, job),
        store.cursors(),
        live,
        now,
        row=_Rows(store),
        blackout=quiet,
        needless=lambda job, target, slot: _needless(store, job, target, slot, names, quiet),
        machine=socket.gethostname(),
        followed=loaded.home.jobs,
    )


def _needless(
    store: Store, job: Job, target: str, slot: datetime, jobs: Mapping[str, Job], quiet: Callable[[Job, str], str]
) -> str:
    """Why a job that mends is not run for its slot: also while every check that it mends must not run."""
    told = [found for name in job.mends if name in jobs and (found := quiet(jobs[name], target))]
    if told and len(told) == len(job.mends):
        return told[0]
    every = at_most_every(job, jobs)
    runs = store.runs(job.name, since=slot - max(every, LONG_AGO), limit=MOST_RUNS)
    return needless(job, target, slot, store.problems(), runs, every)


LONG_AGO = timedelta(days=1)
_FEW = 4
"""So many questions about one slot are asked one by one."""


class _Rows:
    """What became of slots; one that many jobs share is read once for all of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: Counter[datetime] = Counter()
        self._read: dict[datetime, Mapping[tuple[str, str], RunRecord]] = {}

    def __call__(self, job: str, target: str, slot: datetime) -> RunRecord | None:
        self._asked[slot] += 1
        if self._asked[slot] <= _FEW:
            return self._store.slot(job, target, slot)
        if slot not in self._read:
            self._read[slot] = self._store.slots(slot)
        return self._read[slot].get((job, target))


def repeats(loaded: Loaded, job: Job) -> bool:
    """Whether an interrupted run is run again: programs only when the job says `retry:`."""
    return job.retry.times > 0 or not loaded.registry.kinds[job.kind].starts_programs


def against_repeating(loaded: Loaded, job: Job, slot: datetime, now: datetime) -> str:
    """Why an interrupted run must not be run again."""
    return against_beginning(job, slot, now) if repeats(loaded, job) else NOT_KNOWN


def against_beginning(job: Job, slot: datetime, now: datetime) -> str:
    """Why a run that nobody has begun must not be begun any more."""
    if job.window is not None and not in_window(job.window, now):
        return f"its window {window_in_words(job.window)} is over"
    if now - slot > max(LATE_AFTER, timedelta(seconds=job.catch_up)):
        return f"it is later than its catch_up of {show_duration(job.catch_up)} allows"
    return ""
