"""The end that somebody gives to a silence or an acknowledgement, and who that is."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from runner.errors import ScheduleError, UsageError
from runner.model.quantity import parse_duration
from runner.schedule import parse_time

_HINT = "write 2h, 3d, 18:00 (UTC), 2027-01-31 (that day included), or 2027-01-31T18:00Z"


def end_of(text: str, now: datetime) -> datetime:
    """A duration from now, a time, or the end of a day in UTC; raises UsageError for what is over or is no time."""
    try:
        until = _moment(text.strip(), now)
    except (ScheduleError, OverflowError):
        raise UsageError(f"`{text}` is neither a duration nor a time", hint=_HINT) from None
    if until <= now:
        raise UsageError(f"`{text}` ({until:%Y-%m-%d %H:%M} UTC) is over", hint=_HINT)
    return until


def author(environ: Mapping[str, str]) -> str:
    """The person at the keyboard: whoever called sudo, else the login user."""
    for name in ("SUDO_USER", "USER", "LOGNAME"):
        if environ.get(name):
            return environ[name]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _moment(text: str, now: datetime) -> datetime:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return parse_time(text, now) + timedelta(days=1)
    try:
        return parse_time(text, now)
    except ScheduleError:
        return now + timedelta(seconds=parse_duration(text))
