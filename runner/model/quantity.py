"""Units: what a column measures, how durations and sizes are written, and how numbers are shown."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from runner.errors import ScheduleError


class Dimension(Enum):
    """What can be compared with what."""

    NUMBER = "number"
    BYTES = "size"
    SECONDS = "duration"
    RATIO = "share"
    TEXT = "text"
    BOOL = "truth value"
    TIME = "time"

    __hash__ = object.__hash__  # members are singletons, and this is asked for every cell


# The words of `columns:`; the factor turns a value of the column into its dimension's base unit.
KINDS: dict[str, tuple[Dimension, Decimal]] = {
    "count": (Dimension.NUMBER, Decimal(1)),
    "number": (Dimension.NUMBER, Decimal(1)),
    "bytes": (Dimension.BYTES, Decimal(1)),
    "kB": (Dimension.BYTES, Decimal(1024)),
    "MB": (Dimension.BYTES, Decimal(1024**2)),
    "blocks": (Dimension.BYTES, Decimal(8192)),
    "us": (Dimension.SECONDS, Decimal("0.000001")),
    "ms": (Dimension.SECONDS, Decimal("0.001")),
    "seconds": (Dimension.SECONDS, Decimal(1)),
    "min": (Dimension.SECONDS, Decimal(60)),
    "interval": (Dimension.SECONDS, Decimal(1)),
    "percent": (Dimension.RATIO, Decimal("0.01")),
    "ratio": (Dimension.RATIO, Decimal(1)),
    "text": (Dimension.TEXT, Decimal(1)),
    "bool": (Dimension.BOOL, Decimal(1)),
    "timestamp": (Dimension.TIME, Decimal(1)),
}

# PostgreSQL's spelling: sizes are powers of 1024, `kB` with a small k.
SIZE_UNITS: dict[str, int] = {
    "B": 1,
    **{f"{prefix}B": 1024**power for power, prefix in enumerate("kMGTP", start=1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGTP", start=1)},
}
DURATION_UNITS: dict[str, Decimal] = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
# What people write for the units above, for suggestions and for the duration words of YAML.
DURATION_WORDS: dict[str, str] = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "mins": "min", "minute": "min", "minutes": "min",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "days": "d", "week": "w", "weeks": "w",
}  # fmt: skip
MAX_DURATION = 100 * 365 * 86400
"""A hundred years in seconds: what is longer is a mistake, and more than a calendar may hold."""
_DURATION_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds of `30s`, `5min`, `1h 30min`, `2 days`; a bare number is refused. Raises ScheduleError."""
    position, seconds = 0, Decimal(0)
    while match := _DURATION_PART.match(text, position):
        number, word = match.groups()
        unit = DURATION_WORDS.get(word, word)
        if unit not in DURATION_UNITS:
            break
        seconds += Decimal(number) * DURATION_UNITS[unit]
        position = match.end()
    if not position or text[position:].strip():
        raise ScheduleError(f"`{text}` is not a duration", hint="write it as 30s, 5min, 2h, 1d or 1h 30min")
    if seconds > MAX_DURATION:
        raise ScheduleError(f"`{text.strip()[:40]}` is longer than a hundred years", hint="mind its unit")
    return float(seconds)


def show_bytes(value: float | Decimal) -> str:
    """1.5 GB: three significant digits, powers of 1024."""
    number = float(value)
    for power, unit in reversed(list(enumerate(("B", "kB", "MB", "GB", "TB", "PB")))):
        if abs(number) >= 1024**power or power == 0:
            scaled = number / 1024**power
            return f"{scaled:.0f} {unit}" if power == 0 or abs(scaled) >= 100 else f"{scaled:.1f} {unit}"
    raise AssertionError("unreachable: the loop ends at bytes")


def show_duration(value: float | Decimal) -> str:
    """At most two units: 3 d 4 h, 5 min 20 s, 1.5 s, 12 ms."""
    seconds = float(value)
    if seconds < 0:
        return f"-{show_duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 or seconds == 0 else f"{seconds * 1e6:.0f} us"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for size, unit, small, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            part = rest // small
            return f"{whole} {unit} {part} {small_unit}" if part else f"{whole} {unit}"
    raise AssertionError("unreachable: the loop ends at minutes")


def show_number(value: float | Decimal) -> str:
    """1,234,567 and 0.25; never scientific notation for what a person reads."""
    if isinstance(value, int):
        return f"{value:,}"
    number = float(value)
    if number == int(number) and abs(number) < 1e18:
        return f"{int(number):,}"
    return f"{number:,.2f}" if abs(number) >= 1 else f"{number:.4g}"


def show_ratio(value: float | Decimal) -> str:
    """0.123 as 12.3 %."""
    return f"{float(value) * 100:.1f}".removesuffix(".0") + " %"


_SHOWABLE = 10**300


def show(value: object, dimension: Dimension) -> str:
    """A value in its base unit, for a person; `n/a` for null."""
    if value is None:
        return "n/a"
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, Fraction)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not -_SHOWABLE < value < _SHOWABLE:
        return "never" if dimension is Dimension.SECONDS else "a number beyond 10^300"
    value = value if isinstance(value, int) else float(value)
    shows = {Dimension.BYTES: show_bytes, Dimension.SECONDS: show_duration, Dimension.RATIO: show_ratio}
    return shows.get(dimension, show_number)(value)


def counted(number: int, noun: str) -> str:
    """`1 job`, `2,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
