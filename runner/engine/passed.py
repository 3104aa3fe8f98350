"""Slots that no run stands for: how many there were between what is settled and what is decided now, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from runner.model.job import Schedule
from runner.records import dataclass
from runner.schedule import MISSED_CAP, following, latest, missed

_TICK = timedelta(microseconds=1)

STANDS_FOR = "no tick came in time; one run of the newest slot stands for it"
EDITED = "its schedule was changed before it was run"
REMOVED = "the job was removed before it was run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """`slots` slots (at most MISSED_CAP are counted), the oldest `since`, the newest `slot`: settled without a run."""

    slot: datetime
    since: datetime
    slots: int
    status: Literal["missed", "skipped"]
    reason: str
    schedule: Schedule

    def without(self, settled: Iterable[tuple[datetime, datetime]]) -> Iterator[Passed]:
        """What is left of them between stretches of time that are settled already, each from its first to its last slot."""
        after = self.since - _TICK
        for first, last in sorted(settled):
            yield from self._between(after, first - _TICK)
            after = max(after, last)
        yield from self._between(after, self.slot)

    def _between(self, after: datetime, until: datetime) -> Iterator[Passed]:
        newest = latest(self.schedule, min(until, self.slot))
        if left := _passed(self.schedule, after, newest, self.status, self.reason):
            yield left


def schedule_digest(schedule: Schedule) -> str:
    """Changes when the slots change, not when the same schedule is written in other words."""
    return f"every {schedule.every}" if schedule.every else f"{schedule.cron} {schedule.timezone}"


def schedule_of(digest: str) -> Schedule | None:
    """The schedule that a digest was made of; None when it was made by another version."""
    first, _, rest = digest.partition(" ")
    if first == "every" and rest.isdecimal():
        return Schedule(text=digest, every=int(rest))
    cron, _, zone = digest.rpartition(" ")
    return Schedule(text=cron, cron=cron, timezone=zone) if len(cron.split()) == 5 else None


@lru_cache(maxsize=1024)
def older(schedule: Schedule, settled: datetime, slot: datetime) -> Passed | None:
    """The slots between what is settled and `slot`, for which a run of `slot` stands."""
    newest = latest(schedule, slot - _TICK)
    return _passed(schedule, settled, newest, "missed", STANDS_FOR)


def dropped(digest: str, settled: datetime, end: datetime, reason: str) -> Passed | None:
    """The slots of a schedule that is in force no more which came after what is settled and before `end`."""
    schedule = schedule_of(digest)
    return _passed(schedule, settled, latest(schedule, end - _TICK), "skipped", reason) if schedule else None


def _passed(
    schedule: Schedule, settled: datetime, newest: datetime | None, status: Literal["missed", "skipped"], reason: str
) -> Passed | None:
    if newest is None or newest <= settled:
        return None
    return Passed(
        slot=newest,
        since=following(schedule, settled)[0],
        slots=min(MISSED_CAP, 1 + missed(schedule, settled, newest)),
        status=status,
        reason=reason,
        schedule=schedule,
    )
