"""Schedules as people write them: words, @words, periods and cron lines, to a Schedule."""

from __future__ import annotations

import re

from runner.errors import ScheduleError
from runner.model.job import Schedule
from runner.model.quantity import parse_duration
from runner.model.suggest import did_you_mean
from runner.schedule.cron import DAYS, read_cron
from runner.schedule.zones import zone

EXAMPLES = "write `hourly at :15`, `daily at 01:30`, `weekly on wednesday at 03:00`, `every 15min` or a cron line"

_AT_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# `every day` means `daily`, so that it follows the job's time zone; `every 1 day` counts from the epoch.
_EVERY = {
    "minute": "minutely",
    "hour": "hourly",
    "day": "daily",
    "week": "weekly",
    "weekday": "weekdays",
    "weekend": "weekends",
    "month": "monthly",
    "year": "yearly",
}
_ABBREVIATIONS = {"tues": 2, "weds": 3, "thur": 4, "thurs": 4}
_DAY_NUMBERS = (
    {day.lower(): number for number, day in enumerate(DAYS)}
    | {day.lower() + "s": number for number, day in enumerate(DAYS)}
    | {day[:3].lower(): number for number, day in enumerate(DAYS)}
    | _ABBREVIATIONS
)
_HEADS = ("hourly", "daily", "weekly", "weekdays", "weekends", "monthly", "yearly", "every", *_AT_WORDS)
_PARTS = re.compile(r"(?P<head>\S.*?)(?: on (?P<on>.+?))?(?: at (?P<at>.+))?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_MINUTE = re.compile(r"(?::|minute )([0-9]{1,2})", re.ASCII)
_MONTH_DAY = re.compile(r"(?:the )?(?:day )?([0-9]{1,2})(?:st|nd|rd|th)?", re.ASCII)


def parse(text: str, timezone: str = "UTC") -> Schedule:
    """A schedule in a time zone. Raises ScheduleError whose hint says what to write instead."""
    zone(timezone)
    words = " ".join(text.split())
    if not words:
        raise ScheduleError("the schedule is empty", hint=EXAMPLES)
    if re.match(r"[0-9*]|.* \*", words, re.ASCII):
        return _cron_line(words, text, timezone)
    if words.startswith("@"):
        return Schedule(text=text, timezone=timezone, cron=_at_word(words.lower()))
    cron, every = _in_words(words.lower())
    return Schedule(text=text, timezone=timezone, cron=cron, every=every)


def _cron_line(words: str, text: str, timezone: str) -> Schedule:
    if re.fullmatch(r"[0-9.]+ ?[a-z]+", words, re.ASCII):
        raise ScheduleError(f"`{words}` is a duration, not a schedule", hint=f"write `every {words}`")
    if re.fullmatch(_CLOCK, words):
        raise ScheduleError(f"`{words}` is a time, not a schedule", hint=f"write `daily at {words}`")
    read_cron(words)
    return Schedule(text=text, timezone=timezone, cron=words)


def _at_word(word: str) -> str:
    if word == "@reboot":
        raise ScheduleError("`@reboot` has no times", hint="a schedule says when; use the service manager for boots")
    if word not in _AT_WORDS:
        raise ScheduleError(f"there is no schedule `{word}`", hint=did_you_mean(word, _AT_WORDS) or EXAMPLES)
    return _AT_WORDS[word]


def _in_words(words: str) -> tuple[str, int]:
    """The cron line, or the period in seconds, of a schedule in words."""
    match = _PARTS.fullmatch(words)
    if match is None:
        raise ScheduleError(f"`{words}` is not a schedule", hint=EXAMPLES)
    head, on, at = match["head"], match["on"], match["at"]
    if head.startswith("every "):
        head, on, period = _every(head.removeprefix("every "), on, at)
        if period:
            return "", period
    return _calendar(words, head, on, at), 0


def _every(what: str, on: str | None, at: str | None) -> tuple[str, str | None, int]:
    """`every X` as the head word and days that it stands for, or as a period."""
    if what in _EVERY:
        return _EVERY[what], on, 0
    if re.match(r"[0-9]", what, re.ASCII):
        return "", on, _period(what, on=on, at=at)
    return "weekly", what if on is None else f"{what} on {on}", 0


def _period(what: str, *, on: str | None, at: str | None) -> int:
    seconds = parse_duration(what)
    if on or at:
        raise ScheduleError(
            f"`every {what}` is counted from 1970 and cannot be set to a time",
            hint="use `hourly at :15`, `daily at 01:30`, or a cron line such as `15 */2 * * *`",
        )
    if seconds < 60 or seconds % 60:
        raise ScheduleError(
            f"`every {what}` is not a whole number of minutes",
            hint="cron starts the runner once a minute: `every 1min` is the shortest period",
        )
    return int(seconds)


def _calendar(words: str, head: str, on: str | None, at: str | None) -> str:
    if head in {"minutely", "hourly"}:
        return _within_the_hour(words, head, on, at)
    if on is not None and head not in {"weekly", "monthly"}:
        raise ScheduleError(f"`{head}` takes no `on`", hint=EXAMPLES)
    days = _days(head, on)
    if not days:
        raise _unknown(head, words)
    return f"{_times(at) if at else '0 0'} {days}"


def _days(head: str, on: str | None) -> str:
    """The day, month and weekday fields; nothing for an unknown word."""
    if head == "weekly":
        return f"* * {_weekdays(on) if on else 0}"
    if head == "monthly":
        return f"{_month_day(on) if on else 1} * *"
    return {"daily": "* * *", "weekdays": "* * 1-5", "weekends": "* * 0,6", "yearly": "1 1 *"}.get(head, "")


def _within_the_hour(words: str, head: str, on: str | None, at: str | None) -> str:
    if on is not None or (head == "minutely" and at is not None):
        raise ScheduleError(f"`{words}` says more than an hour or a minute has", hint=EXAMPLES)
    if head == "minutely":
        return "* * * * *"
    match = _MINUTE.fullmatch(at) if at else None
    if at and (match is None or int(match[1]) > 59):
        raise ScheduleError(f"`{at}` is no minute of an hour", hint="write `hourly at :15`, from :00 to :59")
    return f"{int(match[1]) if match else 0} * * * *"


def _unknown(head: str, words: str) -> ScheduleError:
    first = head.split(maxsplit=1)[0]
    if first in _DAY_NUMBERS:
        return ScheduleError(f"`{words}` is not a schedule", hint=f"write `weekly on {words}`")
    near = did_you_mean(first, _HEADS)
    return ScheduleError(f"`{words}` is not a schedule", hint=f"{near} {EXAMPLES}" if near else EXAMPLES)


def _weekdays(text: str) -> str:
    numbers = sorted({weekday(name) for name in _listed(text)})
    return ",".join(str(number) for number in numbers)


def weekday(name: str) -> int:
    """The number of a day's name or abbreviation, Sunday is 0. Raises ScheduleError with the nearest name."""
    if name.lower() not in _DAY_NUMBERS:
        near = did_you_mean(name, [day.lower() for day in DAYS])
        raise ScheduleError(f"`{name}` is no day of the week", hint=near or "monday, or mon, to sunday")
    return _DAY_NUMBERS[name.lower()]


def _month_day(text: str) -> str:
    numbers = []
    for part in _listed(text):
        match = _MONTH_DAY.fullmatch(part)
        if match is None or not 1 <= int(match[1]) <= 31:
            hint = "write `monthly on 1 at 02:00`; a last day has no number: use the first of the next month"
            raise ScheduleError(f"`{part}` is no day of a month", hint=hint)
        numbers.append(int(match[1]))
    return ",".join(str(number) for number in sorted(set(numbers)))


def _times(text: str) -> str:
    """The minute and hour fields; several times must agree in their minute."""
    clocks = [clock(part) for part in _listed(text)]
    minutes = {minute for _, minute in clocks}
    if len(minutes) > 1:
        raise ScheduleError(
            f"`{text}` are times with different minutes, which one cron line cannot say",
            hint="use times with the same minute, or two jobs",
        )
    hours = ",".join(str(hour) for hour in sorted({hour for hour, _ in clocks}))
    return f"{minutes.pop()} {hours}"


def clock(text: str) -> tuple[int, int]:
    """Hour and minute of a 24-hour time such as 03:30. Raises ScheduleError."""
    match = _CLOCK.fullmatch(text)
    if match and int(match[1]) < 24 and int(match[2]) < 60:
        return int(match[1]), int(match[2])
    if re.fullmatch(r"[0-9]{3,4}", text, re.ASCII) and int(text) <= 1440:
        hint = f'a YAML reader may have made a number of it: quote the time, "{int(text) // 60:02}:{int(text) % 60:02}"'
    elif text == "24:00":
        hint = "write 00:00, and mind that it begins the day"
    else:
        hint = "write it in 24 hours, from 00:00 to 23:59"
    raise ScheduleError(f"`{text}` is no time of the day", hint=hint)


def _listed(text: str) -> list[str]:
    parts = [part.strip() for part in re.split(r",| and ", text) if part.strip()]
    if not parts:
        raise ScheduleError(f"`{text}` names nothing", hint=EXAMPLES)
    return parts
