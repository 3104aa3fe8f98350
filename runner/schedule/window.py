"""Hours in which a job may start: reading them, and whether an instant lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from runner.errors import ScheduleError
from runner.model.job import Schedule, Window
from runner.schedule.parse import clock, weekday
from runner.schedule.zones import at_local, zone

_DAYS_AHEAD = 9
"""A week, and a day on either side for windows that cross midnight."""


def parse_window(name: str, start: str, end: str, days: Sequence[str] = (), timezone: str = "UTC") -> Window:
    """A window from two local times; an empty one means the day's begin or end. Raises ScheduleError.

    `Window.days` counts as datetime.weekday() does: Monday is 0.
    """
    zone(timezone)
    return Window(
        name=name,
        start=_time(name, start),
        end=_time(name, "00:00" if end == "24:00" else end),
        days=frozenset((weekday(day) - 1) % 7 for day in days),
        timezone=timezone,
    )


def _time(name: str, text: str) -> time:
    try:
        hour, minute = clock(text or "00:00")
    except ScheduleError as error:
        raise ScheduleError(f"window `{name}`: {error.message}", hint=error.hint) from None
    return time(hour, minute)


def in_window(window: Window, now: datetime) -> bool:
    """Whether `now` is inside. Times that the clock shows twice count the first time."""
    return _current(window, now) is not None


def window_end(window: Window, now: datetime) -> datetime | None:
    """When the hours that `now` lies in end, those that adjoin included; None outside or when they never end."""
    end = _current(window, now)
    for _ in range(_DAYS_AHEAD):
        if end is None:
            return None
        adjoining = _current(window, end)
        if adjoining is None:
            return end
        end = adjoining
    return None


def next_opening(window: Window, now: datetime) -> datetime:
    """The next begin of the window after `now`."""
    day = now.astimezone(zone(window.timezone)).date()
    openings = (_hours(window, day + timedelta(days=ahead))[0] for ahead in _started_days(window, day))
    return next(opening for opening in openings if opening > now)


def openings(window: Window) -> Schedule:
    """A slot at each begin of the window."""
    days = ",".join(str((day + 1) % 7) for day in sorted(window.days)) or "*"
    cron = f"{window.start.minute} {window.start.hour} * * {days}"
    return Schedule(text=f"when {window.name or 'its window'} opens", timezone=window.timezone, cron=cron)


def _current(window: Window, now: datetime) -> datetime | None:
    """The end of the hours that `now` lies in."""
    today = now.astimezone(zone(window.timezone)).date()
    for day in (today, today - timedelta(days=1)):
        if not window.days or day.weekday() in window.days:
            begin, end = _hours(window, day)
            if begin <= now < end:
                return end
    return None


def _started_days(window: Window, day: date) -> list[int]:
    ahead = range(_DAYS_AHEAD)
    return [number for number in ahead if not window.days or (day + timedelta(days=number)).weekday() in window.days]


def _hours(window: Window, day: date) -> tuple[datetime, datetime]:
    where = zone(window.timezone)
    last = day if window.start < window.end else day + timedelta(days=1)
    begin = at_local(datetime.combine(day, window.start), where)
    return begin.astimezone(UTC), at_local(datetime.combine(last, window.end), where)
