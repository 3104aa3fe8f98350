"""Decides which job is due on which target: a pure function of what is stored, the home, and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache

from runner.engine import slots
from runner.engine.after import Hindrance, Place, hindrance, places
from runner.engine.decision import Decision, Verdict
from runner.engine.passed import EDITED, Passed, dropped, older, schedule_digest
from runner.engine.spread import offset
from runner.model.job import Job, Schedule
from runner.records import dataclass
from runner.schedule import following, in_window, latest, next_opening, period
from runner.store.base import CursorRecord, RunRecord

LATE_AFTER = timedelta(seconds=90)
"""A run that starts this long after its time is late: cron's minute and the time to start."""

RETURNS_WITHIN = timedelta(hours=1)
"""A job that is back so soon was not meant to be gone: a file was replaced, a folder was mounted late."""

_SOON = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One job on one target: `settled` is the slot up to which nothing is owed; `quiet` the verdict if none is.

    `spread` is how long after its slots the job starts, `lost` what an edit made of slots up to `settled`.
    """

    job: Job
    target: str
    schedule: Schedule
    now: datetime
    spread: timedelta
    old: CursorRecord | None
    settled: datetime
    quiet: Verdict
    lost: Passed | None

    @property
    def reached(self) -> datetime:
        """Slots up to here may start now."""
        return self.now - self.spread

    def after(self, instant: datetime) -> datetime | None:
        """When the job starts for the first slot after this one."""
        slot = _next(self.schedule, instant)
        return slot + self.spread if slot else None


@lru_cache(maxsize=1024)
def _next(schedule: Schedule, instant: datetime) -> datetime | None:
    return next(iter(following(schedule, instant)), None)


def no_row(_job: str, _target: str, _slot: datetime) -> RunRecord | None:
    return None


def no_blackout(_job: Job, _target: str) -> str:
    return ""


def no_need(_job: Job, _target: str, _slot: datetime) -> str:
    return ""


def decide(
    jobs: Sequence[Job],
    targets_of: Callable[[Job], Sequence[str]],
    cursors: Mapping[tuple[str, str], CursorRecord],
    live: frozenset[tuple[str, str]],
    now: datetime,
    *,
    row: Callable[[str, str, datetime], RunRecord | None] = no_row,
    blackout: Callable[[Job, str], str] = no_blackout,
    needless: Callable[[Job, str, datetime], str] = no_need,
    machine: str = "",
    followed: Sequence[Job] = (),
) -> tuple[Decision, ...]:
    """One decision for each job on each of its targets.

    `live` are job and target with a run that is still going. `row` is asked what became of a slot: one that was
    run before the clock was set back, or that of a job which another runs `after:`. `blackout` says why nothing may
    run now, `needless` why a job that mends has nothing to do. `machine` is what `spread:` differs by. `followed` are more jobs that may be named in `after:`.
    """
    known = {job.name: job for job in (*followed, *jobs)}

    @cache
    def newest(schedule: Schedule, reached: datetime) -> datetime:
        return latest(schedule, reached) or datetime.min.replace(tzinfo=now.tzinfo)

    @cache
    def one(name: str, target: str) -> Decision:
        job = known[name]
        if job.schedule is None:
            return Decision(job=name, target=target, slot=None, verdict=Verdict.UNSCHEDULED, reason=slots.NEVER)
        spread = offset(job, target, machine)
        slot = newest(job.schedule, now - spread)
        case = _case(job, target, job.schedule, slot, cursors.get((name, target)), now, spread)
        if slot <= case.settled:
            return _nothing_due(case)
        record = row(name, target, slot)
        if record is not None and record.status != "interrupted":
            reason = slots.already_ran(case.schedule, slot, now)
            return _settle(case, Verdict.NOT_DUE, slot, reason)
        return _judge(case, slot, blackout, needless, _hindered, is_live=(name, target) in live)

    def _hindered(job: Job, target: str, slot: datetime) -> Hindrance | None:
        for name in job.after:
            dep = known.get(name)
            found = places(target, slot, dep, targets_of(dep), look_from(target)) if dep else []
            if against := hindrance(name, found):
                return against
        return None

    def look_from(target: str) -> Callable[[Job, str, datetime], Place]:
        def look(job: Job, place: str, slot: datetime) -> Place:
            record = row(job.name, place, slot)
            decision = one(job.name, place) if record is None else None
            stands = decision.cursor if decision and decision.cursor else cursors.get((job.name, place))
            comes = decision is not None and decision.verdict.runs and decision.slot == slot and place == target
            settled = stands is not None and stands.slot >= slot and not (decision and decision.verdict.runs)
            return Place(job=job, target=place, slot=slot, record=record, comes=comes, settled=settled)

        return look

    return tuple(one(job.name, target) for job in jobs for target in targets_of(job))


def _case(
    job: Job,
    target: str,
    schedule: Schedule,
    slot: datetime,
    old: CursorRecord | None,
    now: datetime,
    spread: timedelta,
) -> _Case:
    if old is not None and old.retired is not None and now - old.retired > RETURNS_WITHIN:
        old = None
    settled, quiet = _settled(schedule, old, slot, now, now - spread)
    lost = None
    if old is not None and quiet is Verdict.EDITED:
        end = min(slot, now) if slot > settled else now
        lost = dropped(old.digest, old.slot, end, EDITED)
    return _Case(
        job=job, target=target, schedule=schedule, now=now, spread=spread, old=old, settled=settled, quiet=quiet, lost=lost
    )  # fmt: skip


def _settled(
    schedule: Schedule, old: CursorRecord | None, newest: datetime, now: datetime, reached: datetime
) -> tuple[datetime, Verdict]:
    """Up to which slot nothing is owed, and what to say when that is all there is."""
    if old is None:
        return _before_this_minute(schedule, newest, reached), Verdict.FIRST_SEEN
    far_ahead = (old.slot - now).total_seconds() > period(schedule)
    if old.digest != schedule_digest(schedule):
        anchor = _before_this_minute(schedule, newest, reached)
        return anchor if far_ahead else max(anchor, old.slot), Verdict.EDITED
    if old.slot > now:
        # A clock that had run far ahead would otherwise silence the job until then.
        return newest if far_ahead else old.slot, Verdict.CLOCK_BACK
    return old.slot, Verdict.NOT_DUE


def _before_this_minute(schedule: Schedule, newest: datetime, reached: datetime) -> datetime:
    """The newest slot before the current minute, so that a new schedule never acts on the past."""
    if newest < reached.replace(second=0, microsecond=0):
        return newest
    earlier = newest - timedelta(seconds=1)
    return latest(schedule, earlier) or earlier


def _judge(
    case: _Case,
    slot: datetime,
    blackout: Callable[[Job, str], str],
    needless: Callable[[Job, str, datetime], str],
    hindered: Callable[[Job, str, datetime], Hindrance | None],
    *,
    is_live: bool,
) -> Decision:
    job, now, schedule = case.job, case.now, case.schedule
    delay, patience = case.reached - slot, max(LATE_AFTER, timedelta(seconds=job.catch_up))
    if delay > patience:
        return _settle(case, Verdict.MISSED, slot, slots.too_late(schedule, slot, now, job.catch_up))
    if reason := blackout(job, case.target):
        return _settle(case, Verdict.SKIPPED, slot, slots.blacked_out(schedule, slot, now, reason))
    if job.window is not None and not in_window(job.window, now):
        opening, given_up = next_opening(job.window, now), slot + case.spread + patience
        reason = slots.outside(schedule, slot, now, window=job.window, opening=opening, given_up=given_up)
        return _hold(case, Verdict.OUTSIDE_WINDOW, slot, reason, again=min(opening, given_up))
    if job.mends and (reason := needless(job, case.target, slot)):
        return _settle(case, Verdict.SKIPPED, slot, slots.hindered(schedule, slot, now, reason, waits=False))
    if against := hindered(job, case.target, slot):
        reason = slots.hindered(schedule, slot, now, against.reason, waits=against.waits)
        if against.waits:
            return _hold(case, Verdict.WAITING, slot, reason, again=now + _SOON)
        return _settle(case, Verdict.SKIPPED, slot, reason)
    if is_live:
        reason = slots.overlapping(schedule, slot, now, waits=job.overlap == "wait")
        if job.overlap == "wait":
            return _hold(case, Verdict.WAITING, slot, reason, again=now + _SOON)
        return _settle(case, Verdict.SKIPPED, slot, reason)
    verdict = Verdict.RUN_LATE if delay > LATE_AFTER else Verdict.RUN
    stands_for = None if case.lost else older(schedule, case.settled, slot)
    count = stands_for.slots if stands_for else 0
    reason = slots.due(schedule, slot, now, count, spread=case.spread, late=verdict is Verdict.RUN_LATE)
    return _settle(case, verdict, slot, reason)


def _passed(case: _Case, slot: datetime) -> Passed | None:
    return case.lost or older(case.schedule, case.settled, slot)


def _nothing_due(case: _Case) -> Decision:
    upcoming = case.after(max(case.settled, case.reached))
    why = {
        Verdict.FIRST_SEEN: "seen for the first time, so nothing from before is run",
        Verdict.EDITED: "its schedule was changed, so nothing from before is run",
        Verdict.CLOCK_BACK: "the clock was set back, so nothing is run again",
    }.get(case.quiet, "")
    return Decision(
        job=case.job.name,
        target=case.target,
        slot=None,
        verdict=case.quiet,
        reason=slots.upcoming(case.schedule, upcoming, case.now, why, spread=case.spread),
        passed=case.lost,
        next=upcoming,
        cursor=_moved(case, case.settled),
    )


def _settle(case: _Case, verdict: Verdict, slot: datetime, reason: str) -> Decision:
    return Decision(
        job=case.job.name,
        target=case.target,
        slot=slot,
        verdict=verdict,
        reason=reason,
        passed=_passed(case, slot),
        next=case.after(max(slot, case.reached)),
        cursor=_moved(case, slot),
    )


def _hold(case: _Case, verdict: Verdict, slot: datetime, reason: str, *, again: datetime) -> Decision:
    upcoming = case.after(case.reached)
    return Decision(
        job=case.job.name,
        target=case.target,
        slot=slot,
        verdict=verdict,
        reason=reason,
        passed=_passed(case, slot),
        next=min(again, upcoming) if upcoming else again,
        cursor=_moved(case, case.settled),
    )


def _moved(case: _Case, slot: datetime) -> CursorRecord | None:
    digest, old = schedule_digest(case.schedule), case.old
    if old is not None and (old.slot, old.digest, old.retired) == (slot, digest, None):
        return None
    first_seen = old.first_seen if old else case.now
    return CursorRecord(job=case.job.name, target=case.target, slot=slot, digest=digest, first_seen=first_seen)
