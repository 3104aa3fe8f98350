"""Time zones by name, and local times that the clock skips or shows twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from runner.errors import ScheduleError
from runner.model.suggest import did_you_mean

_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "Etc/GMT"})


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone of an IANA name such as Europe/Berlin. Raises ScheduleError with the nearest names."""
    if name in _UTC_NAMES:
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise _unknown(name) from None


def _unknown(name: str) -> ScheduleError:
    from zoneinfo import available_timezones

    known = available_timezones()
    if not known:
        return ScheduleError("this machine has no time zone data", hint="install tzdata, or use the time zone UTC")
    hint = did_you_mean(name, known) or _by_city(name, known) or "use a name such as UTC or Europe/Berlin"
    return ScheduleError(f"there is no time zone `{name}`", hint=hint)


def _by_city(name: str, known: set[str]) -> str:
    cities = {item.rpartition("/")[2]: item for item in sorted(known, reverse=True)}
    near = did_you_mean(name.replace(" ", "_"), cities)
    word = near.removeprefix("did you mean `").removesuffix("`?")
    return f"did you mean `{cities[word]}`?" if word in cities else ""


def at_local(wall: datetime, where: tzinfo) -> datetime:
    """The UTC instant of a naive local time: the first when it comes twice, the next minute when it never comes."""
    while True:
        instant = wall.replace(tzinfo=where, fold=0).astimezone(UTC)
        if instant.astimezone(where).replace(tzinfo=None) == wall:
            return instant
        wall = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)


@lru_cache(maxsize=64)
def clock_changes(name: str, year: int) -> tuple[tuple[datetime, datetime], ...]:
    """The naive local times just before and just after each clock change of a year."""
    where = zone(name)
    instant, changes = datetime(year, 1, 1, tzinfo=UTC), []
    while instant.year == year:
        following = instant + timedelta(days=1)
        if instant.astimezone(where).utcoffset() != following.astimezone(where).utcoffset():
            changes.append(_change_between(instant, following, where))
        instant = following
    return tuple(changes)


def _change_between(early: datetime, late: datetime, where: tzinfo) -> tuple[datetime, datetime]:
    before = early.astimezone(where).utcoffset() or timedelta()
    after = late.astimezone(where).utcoffset() or timedelta()
    while late - early > timedelta(minutes=1):
        middle = early + timedelta(minutes=(late - early) // timedelta(minutes=2))
        if middle.astimezone(where).utcoffset() == before:
            early = middle
        else:
            late = middle
    moment = late.replace(tzinfo=None)
    return moment + before, moment + after
