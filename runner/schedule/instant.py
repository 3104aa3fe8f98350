"""Instants that people type: `--now`, `--at`, `until:`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from runner.errors import ScheduleError
from runner.model.quantity import parse_duration

_HINT = "write 2026-11-25T03:00Z, 2026-11-25T04:00+01:00, 2026-11-25, 03:00 for today, or +2h from now"


def parse_time(text: str, now: datetime) -> datetime:
    """An aware UTC instant: ISO 8601, UTC without a zone, midnight without a time; or relative to `now`."""
    said = text.strip()
    if said == "now":
        return now
    if said[:1] in {"+", "-"} and said[1:2].isdigit():
        return _relative(said, now)
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?", said, re.ASCII):
        said = f"{now:%Y-%m-%d}T{said.zfill(5) if len(said) < 6 else said}"
    try:
        instant = datetime.fromisoformat(said)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ScheduleError(f"`{text}` is not a time", hint=_HINT) from None


def _relative(said: str, now: datetime) -> datetime:
    try:
        distance = timedelta(seconds=parse_duration(said[1:]))
        return now + distance if said[0] == "+" else now - distance
    except OverflowError:
        raise ScheduleError(f"`{said}` is too far away", hint=_HINT) from None
