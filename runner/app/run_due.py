"""`runner run-due`: one tick of everything that is due."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from runner import gate
from runner.api import Fault, Job, Scope, Tick
from runner.app.loading import Loaded
from runner.app.locks import hold
from runner.app.runs import Manner, Ran, perform
from runner.app.stores import open_or_spare
from runner.clock import Clock
from runner.engine.claims import claim_again, claim_due, orphans
from runner.engine.due import Cursor, Decision, decide
from runner.errors import RunnerError, StoreError
from runner.model.target import HOST
from runner.store.base import Store
from runner.store.ticklock import is_alive, remove_dead
from runner.version import VERSION

LOOK_AGAIN = timedelta(minutes=1)
"""How soon the next tick looks for itself while something is unsettled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickDone:
    """What ran, and what was decided about everything else."""

    ran: Ran
    decisions: tuple[Decision, ...] = ()


def run_due(loaded: Loaded, clock: Clock, manner: Manner, groups: Collection[str] = ()) -> TickDone:
    """Recovers what a dead tick left, runs what is due, delivers what waits. Groups limit what is looked at."""
    store, faults = open_or_spare(loaded.home)
    with store:
        try:
            return _tick(loaded, store, clock, manner, groups, faults)
        except StoreError as error:
            return _without(loaded, clock, manner, groups, error)


def _without(loaded: Loaded, clock: Clock, manner: Manner, groups: Collection[str], error: StoreError) -> TickDone:
    """The store opened and then failed: once more with a store in memory, so that the report is made."""
    from runner.store.memory import WithoutStore

    with WithoutStore() as spare:
        fault = Fault(where="store", message=error.message, hint=error.hint)
        return _tick(loaded, spare, clock, manner, groups, (fault,))


def _tick(
    loaded: Loaded,
    store: Store,
    clock: Clock,
    manner: Manner,
    groups: Collection[str],
    faults: tuple[Fault, ...],
) -> TickDone:
    home, now = loaded.home, clock.now()
    tick = uuid.uuid4().hex
    jobs = {job.name: job for job in home.jobs if not groups or job.group in groups}
    every_job = {job.name: job for job in home.jobs}
    with hold(home, store, tick):
        dead = orphans(store, every_job, lambda other: is_alive(home.state_dir, other))
        claims = claim_again(store, dead, tick, now, lambda job: repeats(loaded, job))
        live = [run for run in store.running() if is_alive(home.state_dir, run.tick)]
        # Results of a tick that still works are its own to report.
        left_over = () if live else store.unreported()
        decisions = decisions_of(loaded, store, list(jobs.values()), now)
        claims += claim_due(store, decisions, jobs, tick, now)
        if claims:
            loaded.host.notify("runner_tick_started", tick=Tick(id=tick, now=now, due=len(claims)))
        ran = perform(loaded, store, clock, claims, manner, left_over, (*faults, *loaded.host.faults))
        store.tick(tick, now, {"runs": len(claims), "reports": len(ran.reports)})
        store.prune(now, home.settings.keep_samples, home.settings.keep_runs)
        remove_dead(home.state_dir)
    if not groups and not faults:
        _close_gate(loaded, store, decisions, now, claims_were_made=bool(claims))
    return TickDone(ran=ran, decisions=decisions)


def targets_of(loaded: Loaded, job: Job) -> tuple[str, ...]:
    """The targets that a job runs on; jobs of the host run once."""
    if job.scope is Scope.HOST:
        return (HOST,)
    return tuple(name for name, target in loaded.home.targets.items() if job.targets.admits(target))


def decisions_of(loaded: Loaded, store: Store, jobs: list[Job], now: datetime) -> tuple[Decision, ...]:
    cursors = {
        place: Cursor(job=kept.job, target=kept.target, slot=kept.slot, digest=kept.digest, first_seen=kept.first_seen)
        for place, kept in store.cursors().items()
    }
    live = frozenset((run.job, run.target) for run in store.running() if is_alive(loaded.home.state_dir, run.tick))

    def ran(job: str, target: str, slot: datetime) -> bool:
        return any(
            run.slot == slot and run.target == target and run.status != "interrupted"
            for run in store.runs(job=job, since=slot, limit=1000)
        )

    return decide(jobs, lambda job: targets_of(loaded, job), cursors, live, now, ran=ran)


def repeats(loaded: Loaded, job: Job) -> bool:
    """Whether an interrupted run is run again: programs only when the job says `retry:`."""
    return job.retry.times > 0 or not loaded.registry.kinds[job.kind].starts_programs


def _close_gate(
    loaded: Loaded, store: Store, decisions: tuple[Decision, ...], now: datetime, *, claims_were_made: bool
) -> None:
    """Tells the next ticks until when they may end at once; anything unsettled keeps the gate open."""
    home = loaded.home
    until = min((decision.next for decision in decisions if decision.next), default=now + timedelta(days=1))
    if store.running() or store.pending_count() or claims_were_made:
        until = min(until, now + LOOK_AGAIN)
    with suppress(OSError, RunnerError):
        folders = {str(file.parent) for file in home.files}
        paths = sorted({*map(str, home.files), *folders, str(home.path / "checks.d"), str(home.path / "plugins")})
        gate.close(str(home.path), VERSION, now.timestamp(), until.timestamp(), paths)
