"""`runner run-due`: one tick of everything that is due."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from runner import gate
from runner.api import Fault, Job, Result, Scope, Tick
from runner.app.loading import Loaded
from runner.app.runs import Manner, Ran, perform
from runner.app.stores import claim_in
from runner.clock import Clock
from runner.engine.claims import Claimed, Orphan, claim_again, claim_due, orphans
from runner.engine.due import Cursor, Decision, decide
from runner.errors import RunnerError, StoreError
from runner.model.home import Home
from runner.model.target import HOST
from runner.store.base import Store
from runner.version import VERSION

LOOK_AGAIN = timedelta(seconds=30)
"""How soon a tick looks for itself while something is unsettled: well before cron's next minute, which wavers."""

_WITHOUT_STORE = "not run: the store cannot be used, so the next tick could not know that it ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class TickDone:
    """What ran, and what was decided about everything else."""

    ran: Ran
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """What a tick has taken upon itself."""

    claims: list[Claimed]
    left_over: Sequence[Result]
    decisions: tuple[Decision, ...]


def run_due(loaded: Loaded, clock: Clock, manner: Manner, groups: Collection[str] = ()) -> TickDone:
    """Recovers what a dead tick left, runs what is due, delivers what waits. Groups limit what is looked at."""
    home, host, now = loaded.home, loaded.host, clock.now()
    with ExitStack() as stack:
        tick = uuid.uuid4().hex
        store, faults, mine = claim_in(home, stack, tick, lambda store: _claim(loaded, store, tick, now, groups))
        if not store.durable:
            mine = replace(mine, claims=[_only_if_harmless(loaded, claim) for claim in mine.claims])
        if mine.claims:
            host.notify("runner_tick_started", tick=Tick(id=tick, now=now, due=len(mine.claims)))
        ran = perform(loaded, store, clock, mine.claims, manner, mine.left_over, (*faults, *host.faults))
        try:
            _close_tick(loaded, store, tick, now, mine, ran, all_groups=not groups)
        except StoreError as error:
            # What ran has been told; running it again because of the books would do it twice.
            ran = ran.with_fault(Fault(where="store", message=error.message, hint=error.hint))
    return TickDone(ran=ran, decisions=mine.decisions)


def _only_if_harmless(loaded: Loaded, claim: Claimed) -> Claimed:
    """What must not happen twice does not happen while nobody can write down that it did."""
    return claim if repeats(loaded, claim.job) else replace(claim, refused=_WITHOUT_STORE)


def _claim(loaded: Loaded, store: Store, tick: str, now: datetime, groups: Collection[str]) -> _Claimed:
    home = loaded.home
    jobs = {job.name: job for job in home.jobs if not groups or job.group in groups}
    dead = [_still_placed(loaded, orphan) for orphan in _orphans(loaded, store)]
    claims = claim_again(store, dead, tick, now, lambda job: repeats(loaded, job))
    live = [run for run in store.running() if store.is_held(run.tick) and run.tick != tick]
    # Results of a tick that still works are its own to report.
    left_over = () if live else store.unreported()
    decisions = decisions_of(loaded, store, list(jobs.values()), now)
    claims += claim_due(store, decisions, jobs, tick, now)
    return _Claimed(claims=claims, left_over=left_over, decisions=decisions)


def _orphans(loaded: Loaded, store: Store) -> list[Orphan]:
    every_job = {job.name: job for job in loaded.home.jobs}
    return orphans(store, every_job)


def _still_placed(loaded: Loaded, orphan: Orphan) -> Orphan:
    """A job that does not run on that target any more is not run there again."""
    if orphan.job and orphan.record.target not in targets_of(loaded, orphan.job):
        return replace(orphan, job=None)
    return orphan


def _close_tick(
    loaded: Loaded, store: Store, tick: str, now: datetime, mine: _Claimed, ran: Ran, *, all_groups: bool
) -> None:
    settings = loaded.home.settings
    store.tick(tick, now, {"runs": len(mine.claims), "reports": len(ran.reports)})
    pruned = store.prune(
        now,
        settings.keep_samples,
        settings.keep_runs,
        keep_hourly=settings.keep_hourly,
        keep_daily=settings.keep_daily,
    )
    if all_groups and store.durable and not ran.not_recorded:
        soon = bool(mine.claims) or (pruned is not None and not pruned.finished)
        _close_gate(loaded, store, mine.decisions, now, soon=soon)


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
    live = frozenset((run.job, run.target) for run in store.running() if store.is_held(run.tick))

    def ran(job: str, target: str, slot: datetime) -> bool:
        return any(
            run.slot == slot and run.target == target and run.status != "interrupted"
            for run in store.runs(job=job, since=slot, limit=1000)
        )

    return decide(jobs, lambda job: targets_of(loaded, job), cursors, live, now, ran=ran)


def repeats(loaded: Loaded, job: Job) -> bool:
    """Whether an interrupted run is run again: programs only when the job says `retry:`."""
    return job.retry.times > 0 or not loaded.registry.kinds[job.kind].starts_programs


def _close_gate(loaded: Loaded, store: Store, decisions: tuple[Decision, ...], now: datetime, *, soon: bool) -> None:
    """Tells the next ticks until when they may end at once; anything unsettled keeps the gate open."""
    home = loaded.home
    until = min((decision.next for decision in decisions if decision.next), default=now + timedelta(days=1))
    if store.running() or store.pending_count() or soon:
        until = min(until, now + LOOK_AGAIN)
    with suppress(OSError, RunnerError):
        gate.close(
            str(home.path),
            VERSION,
            read=loaded.since,
            made=now.timestamp(),
            until=until.timestamp(),
            paths=sorted(map(str, _watched(home))),
        )


def _watched(home: Home) -> set[Path]:
    """Whatever says which jobs there are and when they are due: a change of any of it opens the gate."""
    plugins, jobs = home.path / "plugins", home.path / "checks.d"
    folders = {file.parent for file in home.files} | {path for path in jobs.rglob("*") if path.is_dir()}
    return {*home.files, *folders, jobs, plugins, *plugins.rglob("*.py")}
