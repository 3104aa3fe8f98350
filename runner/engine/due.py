"""The decisions of a tick: which job is due on which target, and in one sentence why or why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache

from runner.engine import slots
from runner.model.job import Job, Schedule
from runner.schedule import following, in_window, latest, missed, next_opening, period

LATE_AFTER = timedelta(seconds=90)
"""A run that starts this long after its slot is late: cron's minute and the time to start."""


class Verdict(Enum):
    """What a tick does with a job on a target."""

    RUN = "run"
    RUN_LATE = "run late"
    MISSED = "missed"
    SKIPPED = "skipped"
    WAITING = "waiting"
    OUTSIDE_WINDOW = "outside its window"
    NOT_DUE = "not due"
    UNSCHEDULED = "unscheduled"
    FIRST_SEEN = "first seen"
    EDITED = "edited"
    CLOCK_BACK = "clock went back"

    @property
    def runs(self) -> bool:
        return self in {Verdict.RUN, Verdict.RUN_LATE}

    @property
    def recorded(self) -> bool:
        """Whether the slot is over without a run, which history must show."""
        return self in {Verdict.MISSED, Verdict.SKIPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The newest slot that is settled for a job on a target, and the schedule that it was settled by."""

    job: str
    target: str
    slot: datetime
    digest: str
    first_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`slot` is what the verdict is about. `cursor` is to be stored together with it; None: leave what is stored.

    `missed` counts the older slots that this one stands for (at most MISSED_CAP). `next` is when there is
    something to decide again; None when never.
    """

    job: str
    target: str
    slot: datetime | None
    verdict: Verdict
    reason: str
    missed: int = 0
    next: datetime | None = None
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One job on one target: `settled` is the slot up to which nothing is owed; `quiet` the verdict if none is."""

    job: Job
    target: str
    schedule: Schedule
    now: datetime
    old: Cursor | None
    settled: datetime
    quiet: Verdict


def never_ran(_job: str, _target: str, _slot: datetime) -> bool:
    return False


def schedule_digest(schedule: Schedule) -> str:
    """Changes when the slots change, not when the same schedule is written in other words."""
    return f"every {schedule.every}" if schedule.every else f"{schedule.cron} {schedule.timezone}"


def decide(
    jobs: Sequence[Job],
    targets_of: Callable[[Job], Sequence[str]],
    cursors: Mapping[tuple[str, str], Cursor],
    live: frozenset[tuple[str, str]],
    now: datetime,
    *,
    ran: Callable[[str, str, datetime], bool] = never_ran,
) -> tuple[Decision, ...]:
    """One decision for each job on each of its targets.

    `live` are job and target with a run that is still going. `ran` is asked about a due slot that may have
    been run before the clock was set back; the store's own claim is the last word.
    """

    @cache
    def newest(schedule: Schedule) -> datetime:
        return latest(schedule, now) or datetime.min.replace(tzinfo=now.tzinfo)

    def one(job: Job, target: str) -> Decision:
        if job.schedule is None:
            return Decision(job=job.name, target=target, slot=None, verdict=Verdict.UNSCHEDULED, reason=slots.NEVER)
        slot, old = newest(job.schedule), cursors.get((job.name, target))
        settled, quiet = _settled(job.schedule, old, slot, now)
        case = _Case(job=job, target=target, schedule=job.schedule, now=now, old=old, settled=settled, quiet=quiet)
        if slot <= settled:
            return _nothing_due(case)
        if ran(job.name, target, slot):
            return _settle(case, Verdict.NOT_DUE, slot, slots.already_ran(job.schedule, slot, now))
        return _judge(case, slot, is_live=(job.name, target) in live)

    return tuple(one(job, target) for job in jobs for target in targets_of(job))


def _settled(schedule: Schedule, old: Cursor | None, newest: datetime, now: datetime) -> tuple[datetime, Verdict]:
    """Up to which slot nothing is owed, and what to say when that is all there is."""
    if old is None:
        return _before_this_minute(schedule, newest, now), Verdict.FIRST_SEEN
    far_ahead = (old.slot - now).total_seconds() > period(schedule)
    if old.digest != schedule_digest(schedule):
        anchor = _before_this_minute(schedule, newest, now)
        return anchor if far_ahead else max(anchor, old.slot), Verdict.EDITED
    if old.slot > now:
        # A clock that had run far ahead would otherwise silence the job until then.
        return newest if far_ahead else old.slot, Verdict.CLOCK_BACK
    return old.slot, Verdict.NOT_DUE


def _before_this_minute(schedule: Schedule, newest: datetime, now: datetime) -> datetime:
    """The newest slot before the current minute, so that a new schedule never acts on the past."""
    if newest < now.replace(second=0, microsecond=0):
        return newest
    earlier = newest - timedelta(seconds=1)
    return latest(schedule, earlier) or earlier


def _judge(case: _Case, slot: datetime, *, is_live: bool) -> Decision:
    job, now, delay = case.job, case.now, case.now - slot
    older = missed(case.schedule, case.settled, slot)
    if delay > max(LATE_AFTER, timedelta(seconds=job.catch_up)):
        return _settle(case, Verdict.MISSED, slot, slots.too_late(case.schedule, slot, now, job.catch_up), older)
    if job.window is not None and not in_window(job.window, now):
        opening = next_opening(job.window, now)
        given_up = slot + max(LATE_AFTER, timedelta(seconds=job.catch_up))
        reason = slots.outside(case.schedule, slot, now, window=job.window, opening=opening, given_up=given_up)
        return _hold(case, Verdict.OUTSIDE_WINDOW, slot, reason, older, again=min(opening, given_up))
    if is_live and job.overlap == "wait":
        reason = slots.overlapping(case.schedule, slot, now, waits=True)
        return _hold(case, Verdict.WAITING, slot, reason, older, again=now + timedelta(minutes=1))
    if is_live:
        return _settle(case, Verdict.SKIPPED, slot, slots.overlapping(case.schedule, slot, now, waits=False), older)
    verdict = Verdict.RUN_LATE if delay > LATE_AFTER else Verdict.RUN
    reason = slots.due(case.schedule, slot, now, older, late=verdict is Verdict.RUN_LATE)
    return _settle(case, verdict, slot, reason, older)


def _nothing_due(case: _Case) -> Decision:
    upcoming = _next(case, max(case.settled, case.now))
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
        reason=slots.upcoming(case.schedule, upcoming, case.now, why),
        next=upcoming,
        cursor=_moved(case, case.settled),
    )


def _settle(case: _Case, verdict: Verdict, slot: datetime, reason: str, older: int = 0) -> Decision:
    return Decision(
        job=case.job.name,
        target=case.target,
        slot=slot,
        verdict=verdict,
        reason=reason,
        missed=older,
        next=_next(case, max(slot, case.now)),
        cursor=_moved(case, slot),
    )


def _hold(case: _Case, verdict: Verdict, slot: datetime, reason: str, older: int, *, again: datetime) -> Decision:
    upcoming = _next(case, case.now)
    return Decision(
        job=case.job.name,
        target=case.target,
        slot=slot,
        verdict=verdict,
        reason=reason,
        missed=older,
        next=min(again, upcoming) if upcoming else again,
        cursor=_moved(case, case.settled),
    )


def _next(case: _Case, after: datetime) -> datetime | None:
    return next(iter(following(case.schedule, after)), None)


def _moved(case: _Case, slot: datetime) -> Cursor | None:
    digest = schedule_digest(case.schedule)
    if case.old is not None and (case.old.slot, case.old.digest) == (slot, digest):
        return None
    first_seen = case.old.first_seen if case.old else case.now
    return Cursor(job=case.job.name, target=case.target, slot=slot, digest=digest, first_seen=first_seen)
