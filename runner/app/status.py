"""`runner status`: the last known state of every job, from the store alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta

from runner.api import Problem, Result, State, Target, worst
from runner.app.deciding import decisions_of, targets_of, under_way
from runner.app.loading import Loaded
from runner.app.upcoming import next_slots
from runner.errors import UsageError
from runner.model.home import Silence
from runner.model.problem import Acknowledgement, Identity
from runner.model.suggest import did_you_mean
from runner.records import dataclass
from runner.report.silence import holds, means
from runner.store.base import Store, TickRecord
from runner.store.open import open_store

TICKS_STOPPED = timedelta(minutes=10)
"""A slot that nobody looked at for so long: cron does not call run-due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the store knows: newest results of jobs that still exist, open problems, the last tick."""

    results: tuple[Result, ...]
    problems: tuple[Problem, ...]
    never_ran: tuple[tuple[str, str], ...]
    overdue: tuple[tuple[str, str], ...]
    """Jobs and targets whose slot has passed without a tick that saw it: nobody calls run-due."""
    last_tick: TickRecord | None
    waiting: int
    given_up: int
    acknowledged: Mapping[Identity, Acknowledgement] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    """Those that hold now or later, of the store and of runner.yaml."""
    silenced: Mapping[Identity, Silence] = field(default_factory=dict)
    """The open problems that a silence holds back now."""
    next_slots: tuple[tuple[datetime, str], ...] = ()
    """When each group is due next, the soonest first."""

    @property
    def state(self) -> State:
        """The worst of the results; unknown when there is none yet, or when they are out of date."""
        stale = [State.UNKNOWN] if self.overdue or not self.results else []
        return worst([*(result.state for result in self.results), *stale])

    def known_places(self) -> frozenset[tuple[str, str]]:
        """Job and target where every open problem is acknowledged or silenced."""
        places = Counter((item.job, item.target) for item in self.problems)
        known = Counter((job, target) for job, target, _ in {**self.acknowledged, **self.silenced})
        return frozenset(place for place, count in places.items() if known[place] == count)

    def of(self, targets: Collection[str]) -> Status:
        """What is known of these targets alone."""
        return replace(
            self,
            results=tuple(item for item in self.results if item.target in targets),
            problems=tuple(item for item in self.problems if item.target in targets),
            never_ran=tuple(item for item in self.never_ran if item[1] in targets),
            overdue=tuple(item for item in self.overdue if item[1] in targets),
        )


def status(loaded: Loaded, now: datetime) -> Status:
    """Raises StoreError: without history there is nothing to tell."""
    names = {(job.name, target) for job in loaded.home.jobs for target in targets_of(loaded, job)}
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        results = tuple(result for result in store.latest() if (result.job, result.target) in names)
        seen = {(result.job, result.target) for result in results}
        problems = tuple(item for item in store.problems() if (item.job, item.target) in names)
        silences = (*store.silences(now), *loaded.home.settings.silences)
        open_now = {item.identity for item in problems}
        return Status(
            results=results,
            problems=problems,
            never_ran=tuple(sorted(names - seen)),
            overdue=_overdue(loaded, store, now),
            last_tick=store.last_tick(),
            waiting=store.pending_count(),
            given_up=len(store.failed_deliveries()),
            acknowledged={item.identity: item for item in store.acknowledged(now) if item.identity in open_now},
            silences=tuple(item for item in silences if item.until is None or item.until > now),
            silenced=_silenced(loaded, problems, silences, now),
            next_slots=next_slots(loaded.home, now),
        )


def _silenced(
    loaded: Loaded, problems: Iterable[Problem], silences: Iterable[Silence], now: datetime
) -> dict[Identity, Silence]:
    windows = loaded.home.settings.windows
    found: dict[Identity, Silence] = {}
    for item in problems:
        target = loaded.home.targets.get(item.target) or Target(name=item.target, options={})
        for silence in silences:
            if holds(silence, item.job, target, now, windows) and means(silence, item.series):
                found.setdefault(item.identity, silence)
    return found


def _overdue(loaded: Loaded, store: Store, now: datetime) -> tuple[tuple[str, str], ...]:
    decisions = decisions_of(loaded, store, list(loaded.home.jobs), now, under_way(store))
    return tuple(
        (item.job, item.target)
        for item in decisions
        if item.slot and (item.verdict.runs or item.verdict.recorded) and now - item.slot > TICKS_STOPPED
    )


def age(then: datetime, now: datetime) -> float:
    """Seconds, never negative."""
    return max(0.0, (now - then).total_seconds())


def with_labels(loaded: Loaded, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """The labels of each target that has all of these. Raises UsageError for a label that no target has."""
    owned = {name: target.labels for name, target in loaded.home.targets.items()}
    for key, value in labels.items():
        require_label(loaded, key)
        if value not in (there := {own[key] for own in owned.values() if key in own}):
            hint = did_you_mean(value, there) or f"there are: {', '.join(sorted(there)[:20])}"
            raise UsageError(f"no target has the label {key}={value}", hint=hint)
    return {name: own for name, own in owned.items() if all(own.get(key) == value for key, value in labels.items())}


def require_label(loaded: Loaded, label: str) -> None:
    """Raises UsageError when no target has it."""
    there = sorted({key for target in loaded.home.targets.values() for key in target.labels})
    if label not in there:
        hint = did_you_mean(label, there) or f"there are: {', '.join(there) or 'none'}"
        raise UsageError(f"no target has the label `{label}`", hint=hint)
