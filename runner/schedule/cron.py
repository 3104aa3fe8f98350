"""Cron lines of exactly five fields: what they mean, and a sentence for everything that cron would misread."""

from __future__ import annotations

import re
from functools import lru_cache

from runner.errors import ScheduleError
from runner.model.suggest import did_you_mean
from runner.records import dataclass

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month in a leap year."""

_ITEM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\w+))?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A field of the line: its name, its bounds, and the words that stand for numbers from `first` on."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    first: int = 0


_KINDS = (
    _Kind("minute", 0, 59),
    _Kind("hour", 0, 23),
    _Kind("day of the month", 1, 31),
    _Kind("month", 1, 12, tuple(month[:3].lower() for month in MONTHS), 1),
    _Kind("day of the week", 0, 7, tuple(day[:3].lower() for day in DAYS), 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The values of one field, sorted; `star` when it begins with `*`, `step` when it is `*/step`."""

    text: str
    values: tuple[int, ...]
    star: bool
    step: int
    full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CronLine:
    """A cron line, read. Weekdays count from 0, Sunday, to 6."""

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    @property
    def fixed(self) -> bool:
        """Whether Debian's cron shifts it over clock changes: neither minute nor hour begins with a star."""
        return not (self.minute.star or self.hour.star)

    @property
    def either_day(self) -> bool:
        """Whether day of the month and day of the week are alternatives, not two conditions."""
        return not (self.day.star or self.weekday.star)

    @property
    def every_day(self) -> bool:
        """Whether the days leave nothing out: `1-31` with a weekday is every day, because either suffices."""
        if self.either_day:
            return self.day.full or self.weekday.full
        return self.day.full and self.weekday.full


@lru_cache(maxsize=256)
def read_cron(line: str) -> CronLine:
    """The fields of a cron line. Raises ScheduleError for everything that is not plain five-field cron."""
    texts = line.split()
    if len(texts) != 5:
        raise _wrong_number_of_fields(line, texts)
    minute, hour, day, month, weekday = (_field(kind, text) for kind, text in zip(_KINDS, texts, strict=True))
    read = CronLine(minute=minute, hour=hour, day=day, month=month, weekday=weekday)
    if not read.either_day and day.values[0] > max(LONGEST[number - 1] for number in month.values):
        raise ScheduleError(
            f"`{line}` never comes: no month that it names has a day {day.values[0]}",
            hint="use a day up to 28 to be sure of every month",
        )
    return read


def _wrong_number_of_fields(line: str, texts: list[str]) -> ScheduleError:
    said = f"`{line}` has {len(texts)} fields; a cron line has exactly five"
    if len(texts) == 6:
        return ScheduleError(said, hint=f"there are no seconds here, a user neither: try `{' '.join(texts[1:])}`")
    return ScheduleError(said, hint="minute, hour, day of the month, month, day of the week: `30 1 * * *`")


def _field(kind: _Kind, text: str) -> Field:
    values: set[int] = set()
    for item in text.split(","):
        values.update(_item(kind, item, text))
    if kind.high == 7:
        values = {value % 7 for value in values}
    step = int(text[2:]) if re.fullmatch(r"\*/[0-9]+", text, re.ASCII) else 0
    everything = 7 if kind.high == 7 else kind.high - kind.low + 1
    return Field(
        text=text,
        values=tuple(sorted(values)),
        star=text.startswith("*"),
        step=step,
        full=len(values) == everything,
    )


def _item(kind: _Kind, item: str, text: str) -> range:
    match = _ITEM.fullmatch(item)
    if match is None or _extended(item):
        raise _unreadable(kind, item, text)
    star, start, end, step = match.groups()
    low = kind.low if star else _value(kind, start)
    high = kind.high if star else _value(kind, end) if end is not None else low
    if high < low:
        again = f"{low}-{kind.high},{kind.low}-{high}"
        raise ScheduleError(f"`{item}` in the {kind.name} runs backwards", hint=f"write `{again}`")
    if step and not star and end is None:
        raise ScheduleError(
            f"`{item}` in the {kind.name} is a step without a range, which Debian's cron refuses",
            hint=f"write `{low}-{min(kind.high, 6) if kind.high == 7 else kind.high}/{step}`",
        )
    return range(low, high + 1, _step(kind, item, step, low=low, high=high))


def _step(kind: _Kind, item: str, step: str | None, *, low: int, high: int) -> int:
    if step is None:
        return 1
    if not _NUMBER.fullmatch(step) or int(step) == 0:
        raise ScheduleError(f"`{step}` is no step for the {kind.name}", hint="a step is a number from 1: `*/5`")
    if low == high:
        raise ScheduleError(f"`{item}` in the {kind.name} has a step but one value only", hint=f"write `{low}`")
    # 0 and 7 are the same Sunday, so a week has no step of seven.
    span = (min(high, 6) if kind.high == 7 else high) - low
    if int(step) > span:
        raise ScheduleError(
            f"the step of `{item}` is larger than the {kind.name} allows: it would mean `{low}` alone",
            hint=f"write `{low}` if that is what you want, or a step up to {max(span, 1)}",
        )
    return int(step)


def _value(kind: _Kind, text: str) -> int:
    if _NUMBER.fullmatch(text):
        if not kind.low <= int(text) <= kind.high:
            raise ScheduleError(
                f"`{text}` is no {kind.name}", hint=f"a {kind.name} is a number from {kind.low} to {kind.high}"
            )
        return int(text)
    if text.lower() in kind.words:
        return kind.words.index(text.lower()) + kind.first
    hint = did_you_mean(text, kind.words) or f"a {kind.name} is a number from {kind.low} to {kind.high}"
    raise ScheduleError(f"`{text}` is no {kind.name}", hint=hint)


def _extended(item: str) -> bool:
    """Quartz's L, W and LW: words to our pattern, but not names of days or months."""
    return bool(re.fullmatch(r"[0-9]*(?:L|W|LW)", item.upper(), re.ASCII)) or item.upper() == "H"


def _unreadable(kind: _Kind, item: str, text: str) -> ScheduleError:
    if _extended(item) or any(sign in item for sign in "#?~"):
        return ScheduleError(
            f"`{item}` in the {kind.name} is an extension that Debian's cron does not have",
            hint="L, W, #, ?, ~ and H are not supported: name the days or numbers",
        )
    return ScheduleError(
        f"`{item or text}` cannot be read as a {kind.name}",
        hint="a field is a number, a range `1-5`, a list `1,15`, a step `*/5` or `*`",
    )
