"""`runner plan`: what would run now or at another time, and why everything else would not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from runner.api import Job
from runner.app.deciding import against_repeating, decisions_of, targets_of, under_way
from runner.app.loading import Loaded
from runner.engine.context import parameters
from runner.engine.decision import Decision
from runner.model.sql_text import bind
from runner.model.sql_variants import SqlVariants
from runner.records import dataclass
from runner.store.base import RunRecord
from runner.store.open import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One job on one target: the decision, and what keeps it from being executed at all."""

    job: Job
    target: str
    decision: Decision
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that was begun and has not ended; `then` says what the next tick does about one whose process is gone."""

    record: RunRecord
    is_alive: bool
    then: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided about every job on every target, and what is under way."""

    planned: tuple[Planned, ...]
    under_way: tuple[Begun, ...]


def plan(loaded: Loaded, now: datetime) -> Plan:
    """Reads the store and changes nothing. Raises StoreError: without history nobody knows what is due."""
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        found = under_way(store)
        decisions = decisions_of(loaded, store, list(loaded.home.jobs), now, found)
    begun = tuple(_begun(loaded, record, now, is_alive=record.tick in found.alive) for record in found.running)
    return Plan(planned=_planned(loaded, decisions), under_way=begun)


def _begun(loaded: Loaded, record: RunRecord, now: datetime, *, is_alive: bool) -> Begun:
    if is_alive:
        return Begun(record=record, is_alive=True)
    job = loaded.home.job(record.job)
    against = "its job is gone" if job is None else against_repeating(loaded, job, record.slot, now)
    then = f"is not run again: {against}" if against else "is run again, or a newer slot instead"
    return Begun(record=record, is_alive=False, then=f"its process is gone; {then}")


def _planned(loaded: Loaded, decisions: Sequence[Decision]) -> tuple[Planned, ...]:
    jobs = {job.name: job for job in loaded.home.jobs}
    return tuple(
        Planned(
            job=jobs[decision.job],
            target=decision.target,
            decision=decision,
            refused=refused(loaded, jobs[decision.job]),
        )
        for decision in decisions
    )


def refused(loaded: Loaded, job: Job) -> str:
    kind = loaded.registry.kinds[job.kind]
    if kind.starts_programs and kind.name not in loaded.home.settings.allow:
        return f"{kind.name}s are not allowed: add `allow: [{kind.name}]` to runner.yaml"
    return ""


def without_target(loaded: Loaded) -> tuple[Job, ...]:
    """Jobs that no target admits: they never run."""
    return tuple(job for job in loaded.home.jobs if not targets_of(loaded, job))


def describe_runs(loaded: Loaded, places: Sequence[tuple[Job, str]], overrides: Mapping[str, object]) -> list[str]:
    """What `run --dry-run` prints: each job, where, with which parameters and SQL."""
    lines: list[str] = []
    for job, target in places:
        where = loaded.home.targets[target].address if target else "this host"
        params = parameters(job, loaded.home.targets.get(target), overrides)
        lines.append(f"{job.kind} {job.name} on {target or 'host'} ({where}), {job.scope.value}")
        lines += [f"  {name} = {value}" for name, value in params.items()]
        if reason := refused(loaded, job):
            lines.append(f"  would be refused: {reason}")
        lines += [f"  {line}" for line in _statements(job, params)]
    return lines


def _statements(job: Job, params: Mapping[str, object]) -> list[str]:
    described = getattr(job.spec, "describe", None)
    if callable(described):
        return [str(line) for line in described(params)]
    sql = getattr(job.spec, "sql", None)
    if not isinstance(sql, SqlVariants):
        return []
    lines: list[str] = []
    for major, text in sorted(sql.variants.items()):
        bound = bind(text, params)
        lines += [f"-- from PostgreSQL {major}" if major else "-- every version", *bound.sql.strip().splitlines()]
        lines += [f"-- ${number} = {value}" for number, value in enumerate(bound.values, start=1)]
    return lines
