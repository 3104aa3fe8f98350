"""A brute-force model of the minute loop of Debian's cron: the yardstick for clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_EPOCH = datetime(1970, 1, 1)
_HOURS_3 = 180


def slots(line: str, where: tzinfo, begin: datetime, end: datetime) -> list[datetime]:
    """The UTC minutes in (begin, end] in which cron starts the job, when it has been up since `begin`."""
    job = _Job(line)
    virtual = _local_minute(begin, where)
    started, now = [], begin
    while now < end:
        now += timedelta(minutes=1)
        running = _local_minute(now, where)
        runs, virtual = _wake(job, virtual, running)
        if runs:
            started.append(now)
    return started


def _wake(job: _Job, virtual: int, running: int) -> tuple[bool, int]:
    """What cron does when it wakes in the local minute `running` and had reached `virtual`."""
    ahead = running - virtual
    if ahead == 1 or ahead > _HOURS_3 or ahead <= -_HOURS_3:
        return job.matches(running), running
    if ahead <= 0:
        return job.wild and job.matches(running), virtual
    if job.wild and ahead > 5:
        return job.matches(running), running
    return any(job.matches(minute) for minute in range(virtual + 1, running + 1)), running


def _local_minute(instant: datetime, where: tzinfo) -> int:
    local = instant.astimezone(UTC).astimezone(where).replace(tzinfo=None)
    return (local - _EPOCH) // timedelta(minutes=1)


class _Job:
    def __init__(self, line: str) -> None:
        texts = line.split()
        self.fields = [
            {value for item in text.split(",") for value in _values(item, *bounds)}
            for text, bounds in zip(texts, _BOUNDS, strict=True)
        ]
        self.wild = texts[0].startswith("*") or texts[1].startswith("*")
        self.both_days = texts[2].startswith("*") or texts[4].startswith("*")

    def matches(self, minute: int) -> bool:
        local = _EPOCH + timedelta(minutes=minute)
        minutes, hours, _, months, _ = self.fields
        return local.minute in minutes and local.hour in hours and local.month in months and self._day(local.date())

    def _day(self, day: date) -> bool:
        in_month = day.day in self.fields[2]
        in_week = bool({day.isoweekday(), day.isoweekday() % 7} & self.fields[4])
        return (in_month and in_week) if self.both_days else (in_month or in_week)


def _values(item: str, low: int, high: int) -> range:
    span, _, step = item.partition("/")
    if span == "*":
        first, last = low, high
    elif "-" in span:
        first, last = (int(part) for part in span.split("-"))
    else:
        first = int(span)
        last = high if step else first
    return range(first, last + 1, int(step or 1))
