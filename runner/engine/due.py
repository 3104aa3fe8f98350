"""The decisions of a tick: which job is due on which target, and in one sentence why or why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from runner.engine import sentences
from runner.schedule import following, in_window, latest, missed, next_opening, period

if TYPE_CHECKING:
    from runner.model.job import Job, Schedule

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
    """`slot` is what the verdict is about. `cursor` is to be stored together with it; None: leave it.

    `missed` counts older slots that are passed over with this one (at most MISSED_CAP). `next` is when
    there is something to decide again; None when never.
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
    """One job on one target: its newest slot, and the slot up to which all is settled."""

    job: Job
    target: str
    schedule: Schedule
    now: datetime
    old: Cursor | None
    newest: datetime | None
    settled: datetime
    quiet: Verdict
    """The verdict when nothing is due."""


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
    ran: Callable[[str, str, datetime], bool] = never_ran,
) -> tuple[Decision, ...]:
    """One decision for each job on each of its targets.

    `live` are job and target with a run that is still going. `ran` is asked about a due slot that may have
    been run before the clock was set back; the store's own claim is the last word.
    """
    newest = lru_cache(maxsize=None)(lambda schedule: latest(schedule, now))
    decisions = []
    for job in jobs:
        for target in targets_of(job):
            old = cursors.get((job.name, target))
            if job.schedule is None:
                decisions.append(_unscheduled(job, target))
            else:
                case = _case(job, job.schedule, target, old, newest(job.schedule), now)
                decisions.append(_judge(case, is_live=(job.name, target) in live, ran=ran))
    return tuple(decisions)


def _unscheduled(job: Job, target: str) -> Decision:
    reason = "no schedule: runs only when asked for by name"
    return Decision(job=job.name, target=target, slot=None, verdict=Verdict.UNSCHEDULED, reason=reason)


def _case(
    job: Job, schedule: Schedule, target: str, old: Cursor | None, newest: datetime | None, now: datetime
) -> _Case:
    settled, quiet = _settled(schedule, old, newest, now)
    return _Case(
        job=job, target=target, schedule=schedule, now=now, old=old, newest=newest, settled=settled, quiet=quiet
    )


def _settled(
    schedule: Schedule, old: Cursor | None, newest: datetime | None, now: datetime
) -> tuple[datetime, Verdict]:
    if old is None:
        return _anchor(schedule, newest, now), Verdict.FIRST_SEEN
    jumped = (old.slot - now).total_seconds() > period(schedule)
    if old.digest != schedule_digest(schedule):
        anchor = _anchor(schedule, newest, now)
        return anchor if jumped else max(anchor, old.slot), Verdict.EDITED
    if old.slot > now:
        return (newest or now) if jumped else old.slot, Verdict.CLOCK_BACK
    return old.slot, Verdict.NOT_DUE


def _anchor(schedule: Schedule, newest: datetime | None, now: datetime) -> datetime:
    """Settles all that came before the current minute, so that a new schedule never acts on the past."""
    minute = now.replace(second=0, microsecond=0)
    if newest is None or newest < minute:
        return newest or minute
    return latest(schedule, newest - timedelta(seconds=1)) or newest - timedelta(seconds=1)


def _judge(case: _Case, *, is_live: bool, ran: Callable[[str, str, datetime], bool]) -> Decision:
    slot = case.newest
    if slot is None or slot <= case.settled:
        return _quiet(case)
    if ran(case.job.name, case.target, slot):
        return _made(case, Verdict.NOT_DUE, sentences.already_ran(case.schedule, slot, case.now), slot=slot)
    older = missed(case.schedule, case.settled, slot)
    delay = case.now - slot
    if delay > max(LATE_AFTER, timedelta(seconds=case.job.catch_up)):
        return _made(case, Verdict.MISSED, sentences.too_late(case.job, slot, case.now), slot=slot, older=older)
    if case.job.window is not None and not in_window(case.job.window, case.now):
        return _outside(case, slot, next_opening(case.job.window, case.now), older)
    if is_live:
        return _overlapping(case, slot, older)
    if delay > LATE_AFTER:
        return _made(case, Verdict.RUN_LATE, sentences.late(case.schedule, slot, case.now, older), slot=slot, older=older)
    return _made(case, Verdict.RUN, sentences.due(case.schedule, slot, case.now, older), slot=slot, older=older)


def _quiet(case: _Case) -> Decision:
    upcoming = _next(case, max(case.settled, case.now))
    said = {
        Verdict.FIRST_SEEN: "seen for the first time, so nothing in the past is run",
        Verdict.EDITED: "its schedule was changed, so nothing in the past is run",
        Verdict.CLOCK_BACK: f"the clock stands before {sentences.instant(case.schedule, case.old_slot, case.now)}, which is settled"
    }.get(case.quiet, "")
    reason = sentences.upcoming(case.schedule, upcoming, case.now, said)
    return Decision(job=case.job.name, target=case.target, slot=None, verdict=case.quiet, reason=reason, next=upcoming)
