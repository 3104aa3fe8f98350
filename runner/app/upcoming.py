"""When each group is due next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runner.api import Job
from runner.model.home import Home
from runner.schedule import following


def next_slot(jobs: Iterable[Job], group: str, now: datetime) -> datetime | None:
    """The earliest slot after now of the group's jobs; None when none of them has a schedule."""
    schedules = {job.schedule for job in jobs if job.group == group and job.schedule}
    return min((slot for schedule in schedules for slot in following(schedule, now)), default=None)


def next_slots(home: Home, now: datetime) -> tuple[tuple[datetime, str], ...]:
    """Each group that has a schedule with its next slot, the soonest first."""
    found = ((next_slot(home.jobs, group, now), group) for group in home.groups)
    return tuple(sorted((slot, group) for slot, group in found if slot is not None))
