"""What a schedule means that its author may not: uneven steps, days joined by or, clock changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runner.schedule.cron import LONGEST, CronLine, Field, read_cron
from runner.schedule.zones import clock_changes

if TYPE_CHECKING:
    from runner.model.job import Schedule

_CLOCK_CHANGE_YEAR = 2027
"""The year whose clock changes stand for all: advice about a schedule does not change with the date."""


def advice(schedule: Schedule) -> tuple[str, ...]:
    """Sentences for `validate` and the preview of `crontab install`; none of them is an error."""
    if schedule.every:
        return _about_period(schedule)
    line = read_cron(schedule.cron)
    return (*_uneven(line), *_about_days(line), *_about_clock_changes(line, schedule.timezone))


def _about_period(schedule: Schedule) -> tuple[str, ...]:
    if schedule.every % 604800 == 0:
        return ("weeks are counted from 1970-01-01, so it runs on Thursdays at 00:00 UTC",)
    if schedule.every % 86400 == 0 and schedule.timezone != "UTC":
        return (f"days are counted in UTC, so it runs at 00:00 UTC and not at midnight in {schedule.timezone}",)
    return ()


def _uneven(line: CronLine) -> tuple[str, ...]:
    fields = (
        (line.minute, 60, "minute", "hour"),
        (line.hour, 24, "hour", "day"),
        (line.month, 12, "month", "year"),
        (line.weekday, 7, "day", "week"),
    )
    said = [_uneven_step(field, size, unit, whole) for field, size, unit, whole in fields]
    if line.day.step > 1:
        said.append(f"`{line.day.text}` begins again on day 1 of every month, so the last step is shorter")
    return tuple(sentence for sentence in said if sentence)


def _uneven_step(field: Field, size: int, unit: str, whole: str) -> str:
    if not field.step or size % field.step == 0:
        return ""
    last = size - field.values[-1] + field.values[0]
    instead = (
        f"; `every {field.step}{'min' if unit == 'minute' else 'h'}` is even" if unit in {"minute", "hour"} else ""
    )
    return f"`{field.text}` begins again with every {whole}: the last step is {last} {unit}{'s' if last > 1 else ''}{instead}"


def _about_days(line: CronLine) -> tuple[str, ...]:
    both = "day of the month and day of the week are both set"
    if line.every_day:
        restricted = line.either_day and not (line.day.full and line.weekday.full)
        return (f"{both} and one of them is every day: cron runs it every day",) if restricted else ()
    said = []
    if not line.day.full and not line.weekday.full:
        how = (
            "cron runs it when either of them matches" if line.either_day else "both must match, as one begins with `*`"
        )
        said.append(f"{both}: {how}")
    first = line.day.values[0]
    short = [number for number in line.month.values if LONGEST[number - 1] < first or (first == 29 and number == 2)]
    if short and not line.either_day:
        said.append(f"months without a day {first} are left out")
    return tuple(said)


def _about_clock_changes(line: CronLine, timezone: str) -> tuple[str, ...]:
    if line.hour.full and not line.fixed:
        return ()
    said = []
    for before, after in clock_changes(timezone, _CLOCK_CHANGE_YEAR):
        first, last = min(before, after), max(before, after)
        time = _a_time_between(line, first, last)
        if time:
            said.append(_effect(time, line=line, timezone=timezone, skipped=after > before, until=f"{after:%H:%M}"))
    return tuple(dict.fromkeys(said))


def _a_time_between(line: CronLine, first: datetime, last: datetime) -> str:
    """The first time of the schedule in the hour that is skipped or repeated."""
    moment = first
    while moment < last:
        if moment.hour in line.hour.values and moment.minute in line.minute.values:
            return f"{moment:%H:%M}"
        moment += timedelta(minutes=1)
    return ""


def _effect(time: str, *, line: CronLine, timezone: str, skipped: bool, until: str) -> str:
    if skipped:
        effect = f"it runs at {until}" if line.fixed else "those slots are left out"
        return f"{time} does not exist in {timezone} on the day the clock goes forward: {effect}"
    effect = "it runs the first time only" if line.fixed else "it runs both times"
    return f"{time} comes twice in {timezone} on the day the clock goes back: {effect}"
