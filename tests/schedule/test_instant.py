"""Instants that people type."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.errors import ScheduleError
from runner.schedule import parse_time

NOW = datetime(2026, 11, 24, 6, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-25T03:00Z", "2026-11-25T03:00:00"),
        ("2026-11-25T03:00:10+01:00", "2026-11-25T02:00:10"),
        ("2026-11-25T03:00", "2026-11-25T03:00:00"),
        ("2026-11-25 03:00", "2026-11-25T03:00:00"),
        (" 2026-11-25 ", "2026-11-25T00:00:00"),
        ("03:00", "2026-11-24T03:00:00"),
        ("3:00", "2026-11-24T03:00:00"),
        ("03:00+02:00", "2026-11-24T01:00:00"),
        ("now", "2026-11-24T06:17:30"),
        ("+2h", "2026-11-24T08:17:30"),
        ("-1d 30min", "2026-11-23T05:47:30"),
    ],
)
def test_times(text: str, instant: str) -> None:
    parsed = parse_time(text, NOW)
    assert parsed == datetime.fromisoformat(f"{instant}Z")
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a time"),
        ("tomorrow", "is not a time"),
        ("2026-13-01", "is not a time"),
        ("2026-11-25T25:00", "is not a time"),
        ("2026-11-25T03:00 Europe/Berlin", "is not a time"),
        ("25:00", "is not a time"),
        ("0001-01-01T00:00+05:00", "is not a time"),
        ("+5 parsecs", "is not a duration"),
        ("+99999999d", "is longer than a hundred years"),
    ],
)
def test_what_is_no_time(text: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message) as caught:
        parse_time(text, NOW)
    assert caught.value.hint
