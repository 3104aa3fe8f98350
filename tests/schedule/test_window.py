"""Windows: over midnight, on days, over clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from runner.errors import ScheduleError
from runner.model.job import Window
from runner.schedule import following, in_window, next_opening, openings, parse_window, window_end

NIGHT = parse_window("night", "22:00", "06:00", ["fri"])
LOW = parse_window("low", "02:00", "05:00", ["tue", "wed", "thu"])
WEEKEND = parse_window("weekend", "", "", ["sat", "sun"])
ALWAYS = parse_window("always", "00:00", "24:00")
EVENING = parse_window("evening", "20:00", "24:00")
BERLIN = parse_window("berlin", "02:30", "04:00", (), "Europe/Berlin")
BERLIN_END = parse_window("berlin", "01:00", "02:30", (), "Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}Z")


def test_a_window_is_read() -> None:
    read = parse_window("low", "02:00", "5:00", ["Tue", "sunday"], "Europe/Berlin")
    assert read == Window(name="low", start=time(2), end=time(5), days=frozenset({1, 6}), timezone="Europe/Berlin")


# 24 November 2026 is a Tuesday.
@pytest.mark.parametrize(
    ("window", "now", "end"),
    [
        (LOW, "11-24T01:59:59", None),
        (LOW, "11-24T02:00", "11-24T05:00"),
        (LOW, "11-24T04:59:59", "11-24T05:00"),
        (LOW, "11-24T05:00", None),
        (LOW, "11-23T03:00", None),
        (NIGHT, "11-27T21:59", None),
        (NIGHT, "11-27T22:00", "11-28T06:00"),
        (NIGHT, "11-28T05:59", "11-28T06:00"),
        (NIGHT, "11-28T06:00", None),
        (NIGHT, "11-27T05:00", None),
        (NIGHT, "11-28T22:00", None),
        (WEEKEND, "11-27T23:59", None),
        (WEEKEND, "11-28T00:00", "11-30T00:00"),
        (WEEKEND, "11-29T23:59", "11-30T00:00"),
        (EVENING, "11-24T23:59", "11-25T00:00"),
        (EVENING, "11-25T00:00", None),
        # 29 March: 02:00 becomes 03:00 in Berlin at 01:00 UTC, where a job at 02:30 runs.
        (BERLIN, "03-29T00:59", None),
        (BERLIN, "03-29T01:00", "03-29T02:00"),
        # 25 October: 02:30 comes at 00:30 UTC and again at 01:30 UTC.
        (BERLIN, "10-25T00:30", "10-25T03:00"),
        (BERLIN, "10-25T01:15", "10-25T03:00"),
        (BERLIN_END, "10-25T00:29", "10-25T00:30"),
        (BERLIN_END, "10-25T01:10", None),
    ],
)
def test_inside_and_its_end(window: Window, now: str, end: str | None) -> None:
    assert in_window(window, at(now)) == (end is not None)
    assert window_end(window, at(now)) == (at(end) if end else None)


def test_a_window_that_is_always_open_has_no_end() -> None:
    assert in_window(ALWAYS, at("11-24T12:00"))
    assert window_end(ALWAYS, at("11-24T12:00")) is None


@pytest.mark.parametrize(
    ("window", "now", "opening"),
    [
        (LOW, "11-24T01:00", "11-24T02:00"),
        (LOW, "11-24T02:00", "11-25T02:00"),
        (LOW, "11-26T02:00", "12-01T02:00"),
        (NIGHT, "11-28T01:00", "12-04T22:00"),
        (BERLIN, "03-28T12:00", "03-29T01:00"),
    ],
)
def test_the_next_opening(window: Window, now: str, opening: str) -> None:
    assert next_opening(window, at(now)) == at(opening)
    assert following(openings(window), at(now))[0] == at(opening)


@pytest.mark.parametrize(
    ("start", "end", "days", "zone", "message", "hint"),
    [
        ("1320", "06:00", (), "UTC", "window `low`: `1320` is no time of the day", 'quote the time, "22:00"'),
        ("24:00", "06:00", (), "UTC", "window `low`: `24:00` is no time", "write 00:00"),
        ("22:00", "6", (), "UTC", "window `low`: `6` is no time", "in 24 hours"),
        ("22:00", "06:00", ("tuseday",), "UTC", "`tuseday` is no day of the week", "did you mean `tuesday`?"),
        ("22:00", "06:00", (), "Europe/Pariss", "no time zone `Europe/Pariss`", "did you mean `Europe/Paris`?"),
    ],
)
def test_what_cannot_be_read(start: str, end: str, days: tuple[str, ...], zone: str, message: str, hint: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_window("low", start, end, days, zone)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_instants_stay_in_utc() -> None:
    end = window_end(BERLIN, at("07-01T01:00"))
    assert end is not None
    assert end.tzinfo is UTC
