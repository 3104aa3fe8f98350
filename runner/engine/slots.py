"""The sentences of `plan`: when a job runs next, and why it does or does not run now."""

from __future__ import annotations

from datetime import datetime, timedelta

from runner.model.job import Schedule, Window
from runner.model.quantity import show_duration
from runner.schedule import MISSED_CAP, show_delay, show_instant, window_in_words

NEVER = "no schedule: runs only when it is asked for by name"


def upcoming(
    schedule: Schedule, start: datetime | None, now: datetime, why: str = "", *, spread: timedelta = timedelta(0)
) -> str:
    """`next Wednesday 25 Nov 03:00 UTC, in 20 h`, after the reason if there is one."""
    said = f"next {_at(schedule, start, now)}{_spread(spread)}" if start else "never comes again"
    return f"{why}; {said}" if why else said


def due(schedule: Schedule, slot: datetime, now: datetime, older: int, *, spread: timedelta, late: bool) -> str:
    said = f"due {_at(schedule, slot, now)}{_spread(spread)}"
    if late:
        said += "; runs once, late"
    return said + _passed_over(older)


def too_late(schedule: Schedule, slot: datetime, now: datetime, catch_up: float) -> str:
    limit = f"later than its catch_up of {show_duration(catch_up)} allows" if catch_up else "and catch_up is off"
    return f"was due {_at(schedule, slot, now)}, {limit}: missed"


def already_ran(schedule: Schedule, slot: datetime, now: datetime) -> str:
    return f"the slot {show_instant(slot, schedule.timezone, now)} was run before the clock was set back"


def overlapping(schedule: Schedule, slot: datetime, now: datetime, *, waits: bool) -> str:
    consequence = "waits for its end (overlap: wait)" if waits else "this slot is skipped (overlap: skip)"
    return f"due {_at(schedule, slot, now)}, but an earlier run is still going: {consequence}"


def outside(
    schedule: Schedule, slot: datetime, now: datetime, *, window: Window, opening: datetime, given_up: datetime
) -> str:
    said = f"due {_at(schedule, slot, now)}, outside window {window_in_words(window)}"
    opens = f"which opens {show_instant(opening, window.timezone, now)}"
    return f"{said}, {opens}" if opening <= given_up else f"{said}, {opens}, after its catch_up has ended"


def hindered(schedule: Schedule, slot: datetime, now: datetime, why: str, *, waits: bool) -> str:
    return f"due {_at(schedule, slot, now)}, but {why}: {'waits' if waits else 'this slot is skipped'}"


def blacked_out(schedule: Schedule, slot: datetime, now: datetime, why: str) -> str:
    return f"due {_at(schedule, slot, now)}, but {why}: this slot is skipped"


def _at(schedule: Schedule, slot: datetime, now: datetime) -> str:
    return f"{show_instant(slot, schedule.timezone, now)}, {show_delay(slot, now)}"


def _spread(spread: timedelta) -> str:
    return f" (of it {show_duration(spread.total_seconds())} are its spread)" if spread else ""


def _passed_over(older: int) -> str:
    if not older:
        return ""
    count = f"at least {older}" if older >= MISSED_CAP else str(older)
    return f"; stands for {count} older slot{'s' if older > 1 else ''} too"
