"""The slots of a schedule: the latest, those that follow, how many were missed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from runner.schedule.zones import zone

if TYPE_CHECKING:
    from cronsim import CronSim

    from runner.model.job import Schedule

MISSED_CAP = 1000
"""`missed` counts no further."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFERENCE = datetime(2001, 1, 1, tzinfo=UTC)
_GAPS = 13


@lru_cache(maxsize=1024)
def latest(schedule: Schedule, now: datetime) -> datetime | None:
    """The newest slot that is not after `now`, whatever the time that passed; None before the first."""
    if schedule.every:
        return _EPOCH + _period(schedule) * ((now - _EPOCH) // _period(schedule))
    # cronsim going backwards begins at the given second when it has a fraction, else one before.
    start = now.replace(microsecond=max(now.microsecond, 1))
    slot = _utc(next(_stepper(schedule, start, reverse=True), None))
    if slot is None:
        return None
    # In the repeated hour, going back by wall time oversteps slots of the first pass.
    for later in _forward(schedule, slot):
        if later > now:
            break
        slot = later
    return slot


def following(schedule: Schedule, after: datetime, count: int = 1) -> tuple[datetime, ...]:
    """The next slots after an instant, oldest first; fewer than `count` when no more come."""
    return tuple(islice(_forward(schedule, after), count))


def missed(schedule: Schedule, after: datetime, now: datetime) -> int:
    """How many slots lie between two instants, both excluded; never more than MISSED_CAP."""
    if schedule.every:
        between = (now - _EPOCH - timedelta(microseconds=1)) // _period(schedule)
        return max(0, min(MISSED_CAP, between - (after - _EPOCH) // _period(schedule)))
    count = 0
    for slot in _forward(schedule, after):
        if slot >= now or count == MISSED_CAP:
            break
        count += 1
    return count


@lru_cache(maxsize=256)
def period(schedule: Schedule) -> float:
    """The typical seconds between two slots: the median of a dozen gaps."""
    if schedule.every:
        return float(schedule.every)
    slots = following(schedule, _REFERENCE, _GAPS + 1)
    gaps = sorted((after - before).total_seconds() for before, after in pairwise(slots))
    return gaps[len(gaps) // 2]


def _period(schedule: Schedule) -> timedelta:
    return timedelta(seconds=schedule.every)


def _forward(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    if schedule.every:
        slot = _EPOCH + _period(schedule) * ((after - _EPOCH) // _period(schedule) + 1)
        while True:
            yield slot
            slot += _period(schedule)
    newest = after
    for step in _stepper(schedule, after):
        slot = step.astimezone(UTC)
        # In the repeated hour wall time goes back, and a slot of the first pass would come again.
        if slot > newest:
            newest = slot
            yield slot


def _stepper(schedule: Schedule, start: datetime, *, reverse: bool = False) -> CronSim:
    from cronsim import CronSim

    return CronSim(schedule.cron, start.astimezone(zone(schedule.timezone)), reverse=reverse)


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant else None
