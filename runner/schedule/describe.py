"""Schedules, windows and instants as a person says them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from runner.model.quantity import show_duration
from runner.schedule.cron import DAYS, MONTHS, CronLine, Field, read_cron
from runner.schedule.zones import zone

if TYPE_CHECKING:
    from runner.model.job import Schedule, Window

_UNITS = ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute"))
_MOST_TIMES = 6


def in_words(schedule: Schedule) -> str:
    """`every Wednesday at 03:00 UTC`: complete, so that two different schedules never read the same."""
    if schedule.every:
        return _period(schedule.every)
    line = read_cron(schedule.cron)
    days, times = _days(line), _times(line)
    if line.hour.full and days == "every day" and schedule.timezone == "UTC":
        return times
    if times.startswith("at "):
        return f"{days} {times} {schedule.timezone}"
    said = times if days == "every day" else f"{times}, {days}"
    return f"{said}, {schedule.timezone}"


def window_in_words(window: Window) -> str:
    """`low-traffic (02:00 to 05:00 UTC on Tuesday and Thursday)`."""
    days = [DAYS[(day + 1) % 7] for day in sorted(window.days)]
    whole = window.start == window.end
    hours = "the whole day" if whole else f"{window.start:%H:%M} to {window.end:%H:%M}"
    return f"{window.name} ({hours} {window.timezone}{f' on {_listed(days)}' if days else ''})"


def show_instant(instant: datetime, timezone: str, now: datetime) -> str:
    """`Wednesday 25 Nov 03:00 UTC`, with the year when it is not the present one."""
    local, here = instant.astimezone(zone(timezone)), now.astimezone(zone(timezone))
    year = "" if local.year == here.year else f" {local.year}"
    day = f"{DAYS[(local.weekday() + 1) % 7]} {local.day} {MONTHS[local.month - 1][:3]}{year}"
    return f"{day} {local:%H:%M} {timezone}"


def show_delay(instant: datetime, now: datetime) -> str:
    """`in 20 h 40 min` or `5 min ago`; `now` within a second."""
    seconds = (instant - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {show_duration(seconds)}" if seconds > 0 else f"{show_duration(-seconds)} ago"


def _period(seconds: int) -> str:
    for size, unit in _UNITS:
        if seconds % size == 0:
            number = seconds // size
            return f"every {unit}" if number == 1 else f"every {number} {unit}s"
    return f"every {seconds} seconds"


def _times(line: CronLine) -> str:
    minutes, hours = line.minute, line.hour
    if hours.full:
        when = _minutes(minutes)
        return when if when.startswith("every ") else f"every hour at {when}"
    if len(minutes.values) * len(hours.values) <= _MOST_TIMES:
        return "at " + _listed([f"{hour:02}:{minute:02}" for hour in hours.values for minute in minutes.values])
    if hours.values[-1] - hours.values[0] + 1 == len(hours.values):
        return f"{_minutes(minutes)} from {hours.values[0]:02}:00 to {hours.values[-1]:02}:59"
    return f"{_minutes(minutes)} in the hours {_series(hours.values)}"


def _minutes(minutes: Field) -> str:
    if minutes.full:
        return "every minute"
    if minutes.step and 60 % minutes.step == 0:
        return f"every {minutes.step} minutes"
    return f"minute{'s' if len(minutes.values) > 1 else ''} {_series(minutes.values)}"


def _days(line: CronLine) -> str:
    months = "" if line.month.full else _listed([MONTHS[number - 1] for number in line.month.values])
    within = f" in {months}" if months else ""
    weekdays = _weekdays(line.weekday.values)
    if line.every_day:
        return f"every day{within}"
    if line.day.full:
        return f"every {weekdays}{within}"
    plural = "s" if len(line.day.values) > 1 else ""
    dates = f"on day{plural} {_series(line.day.values)} of {months or 'every month'}"
    if line.weekday.full:
        return dates
    return f"{dates} {f'or every {weekdays}{within}' if line.either_day else f'if it is {weekdays}'}"


def _series(values: Sequence[int]) -> str:
    """All values, or the first three and the last of a long even series."""
    gaps = {after - before for before, after in pairwise(values)}
    if len(values) > _MOST_TIMES and len(gaps) == 1:
        return f"{', '.join(str(value) for value in values[:3])}, … {values[-1]}"
    return _listed([str(value) for value in values])


def _weekdays(numbers: Sequence[int]) -> str:
    if tuple(numbers) == (1, 2, 3, 4, 5):
        return "day from Monday to Friday"
    # People begin the week with Monday.
    return _listed([DAYS[number] for number in sorted(numbers, key=lambda number: number or 7)])


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
