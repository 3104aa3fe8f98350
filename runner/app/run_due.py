"""`runner run-due`: one tick of everything that is due."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from runner import gate
from runner.api import Fault, Result, Tick
from runner.app.deciding import (
    UnderWay,
    against_beginning,
    against_repeating,
    decisions_of,
    repeats,
    targets_of,
    under_way,
)
from runner.app.loading import Loaded
from runner.app.retired import next_end, retire
from runner.app.runs import Manner, Ran, perform
from runner.app.stores import claim_in
from runner.clock import Clock
from runner.engine.claims import Claimed, Orphan, claim_again, claim_due, give_up, orphans
from runner.engine.decision import Decision
from runner.errors import ExecutorError, RunnerError, StoreError
from runner.model.home import Home
from runner.model.quantity import show_duration
from runner.records import dataclass
from runner.store.base import Store
from runner.version import VERSION

if TYPE_CHECKING:
    from runner.app.executors import Hands

LOOK_AGAIN = timedelta(seconds=30)
"""How soon a tick looks for itself while something is unsettled: well before cron's next minute, which wavers."""

DECIDING = "deciding"
"""The lock of whoever decides what is due."""

_WITHOUT_STORE = "not run: the store cannot be used, so the next tick could not know that it ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class TickDone:
    """What ran, and what was decided about everything else."""

    ran: Ran
    handed_out: int = 0
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """What a tick has taken upon itself."""

    claims: list[Claimed]
    left_over: Sequence[Result] = ()
    decisions: tuple[Decision, ...] = ()
    faults: tuple[Fault, ...] = ()


def run_due(loaded: Loaded, clock: Clock, manner: Manner, groups: Collection[str] = ()) -> TickDone:
    """Recovers what a dead tick left, runs what is due, delivers what waits. Groups limit what is looked at."""
    home, host, now = loaded.home, loaded.host, clock.now()
    with ExitStack() as stack:
        tick = uuid.uuid4().hex
        hands = _hands_of(loaded, stack)
        store, faults, mine = claim_in(home, stack, tick, lambda store: _claim(loaded, store, tick, now, groups, hands))
        if not store.durable:
            # Workers would find nothing to begin.
            here = [] if hands else [_only_if_harmless(loaded, claim) for claim in mine.claims]
            mine = replace(mine, claims=here)
        if mine.claims:
            host.notify("runner_tick_started", tick=Tick(id=tick, now=now, due=len(mine.claims)))
        here, failed = hands.hand_out(mine.claims, tick) if hands else (mine.claims, ())
        faults = (*faults, *mine.faults, *failed)
        ran = perform(loaded, store, clock, here, manner, mine.left_over, (*faults, *host.faults, *loaded.faults))
        try:
            _close_tick(loaded, store, tick, now, mine, ran, all_groups=not groups)
        except StoreError as error:
            # What ran has been told; running it again because of the books would do it twice.
            ran = ran.with_fault(Fault(where="store", message=error.message, hint=error.hint))
    return TickDone(ran=ran, handed_out=len(mine.claims) - len(here), decisions=mine.decisions)


def _hands_of(loaded: Loaded, stack: ExitStack) -> Hands | None:
    if loaded.home.settings.executor is None:
        return None
    # What hands out is not needed by homes whose ticks perform what they claim.
    from runner.app.executors import hands_of

    hands = hands_of(loaded)
    if hands:
        stack.callback(hands.close)
    return hands


def _only_if_harmless(loaded: Loaded, claim: Claimed) -> Claimed:
    """What must not happen twice does not happen while nobody can write down that it did."""
    return claim if repeats(loaded, claim.job) else replace(claim, refused=_WITHOUT_STORE)


def _claim(
    loaded: Loaded, store: Store, tick: str, now: datetime, groups: Collection[str], hands: Hands | None
) -> _Claimed:
    """Decides and claims, one tick after the other: two that begin at once never decide the same thing twice."""
    home = loaded.home
    jobs = {job.name: job for job in home.jobs if not groups or job.group in groups}
    wave = tick if hands else ""
    with store.hold(DECIDING):
        try:
            found = under_way(store, hands.held if hands else _nobody_holds)
            decisions = decisions_of(loaded, store, list(jobs.values()), now, found)
            due = frozenset((item.job, item.target) for item in decisions if item.verdict.runs)
            if hands and due:
                # What cannot be handed out is not claimed: its slot waits.
                hands.held(())
        except ExecutorError as error:
            return _Claimed(claims=[], faults=(Fault(where="executor", message=error.message, hint=error.hint),))
        dead = _dead(loaded, found)
        begun, lost = [item for item in dead if not item.record.waits], [item for item in dead if item.record.waits]
        claims = claim_again(
            store, begun, tick, now, lambda job, slot: against_repeating(loaded, job, slot, now), due, wave
        )
        claims += claim_again(store, lost, tick, now, lambda job, slot: against_beginning(job, slot, now), due, wave)
        claims += _given_up(loaded, store, tick, now, found, hands) if hands else []
        # Results of a tick that still works are its own to report.
        left_over = store.adopt(tick, {tick, *found.alive, *_reporting(store, found)})
        claims += claim_due(store, decisions, jobs, tick, now, wave)
        claims += retire(loaded, store, tick, now) if not groups else []
    return _Claimed(claims=claims, left_over=left_over, decisions=decisions)


def _nobody_holds(_waves: frozenset[str]) -> frozenset[str]:
    return frozenset()


def _reporting(store: Store, found: UnderWay) -> list[str]:
    """Ticks that live and have nothing running any more, but something to tell."""
    return [tick for tick in store.reporting() - found.alive if store.is_held(tick)]


def _given_up(loaded: Loaded, store: Store, tick: str, now: datetime, found: UnderWay, hands: Hands) -> list[Claimed]:
    """Runs that wait for a worker for too long."""
    patience = timedelta(seconds=hands.settings.patience)
    jobs = {job.name: job for job in loaded.home.jobs}
    overdue = [
        run
        for run in found.running
        if run.waits and run.tick in found.alive and run.started and now - run.started > patience
    ]
    why = f"no worker began it within {show_duration(hands.settings.patience)}"
    return give_up(store, orphans(overdue, (), jobs), tick, now, why)


def _dead(loaded: Loaded, found: UnderWay) -> list[Orphan]:
    """Runs of dead ticks. While anything in the home is wrong a job may be missing by mistake: its run waits for it."""
    jobs = {job.name: job for job in loaded.home.jobs}
    dead = [_still_placed(loaded, orphan) for orphan in orphans(found.running, found.alive, jobs)]
    return [orphan for orphan in dead if orphan.job] if loaded.home.errors else dead


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
    if not all_groups:
        gate.forget_heartbeat(str(loaded.home.path))
    elif store.durable and not ran.not_recorded:
        soon = bool(mine.claims) or (pruned is not None and not pruned.finished)
        _close_gate(loaded, store, mine.decisions, now, soon=soon)


def _close_gate(loaded: Loaded, store: Store, decisions: tuple[Decision, ...], now: datetime, *, soon: bool) -> None:
    """Tells the next ticks until when they may end at once; anything unsettled keeps the gate open."""
    home = loaded.home
    times = [*(decision.next for decision in decisions), next_end(store, now), _next_reading(loaded)]
    until = min(filter(None, times), default=now + timedelta(days=1))
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


def _next_reading(loaded: Loaded) -> datetime | None:
    home = loaded.home
    if not home.inventory:
        return None
    from runner.app.sourcing import next_reading

    return next_reading(home.settings.targets_from, home.inventory, loaded.registry)


def _watched(home: Home) -> set[Path]:
    """Whatever says which jobs there are and when they are due: a change of any of it opens the gate."""
    plugins, jobs = home.path / "plugins", home.path / "checks.d"
    folders = {file.parent for file in home.files} | {path for path in jobs.rglob("*") if path.is_dir()}
    return {*home.files, *folders, jobs, plugins, *plugins.rglob("*.py")}
