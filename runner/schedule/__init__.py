"""When things happen: schedules in words or cron lines, their slots, windows, and instants people type.

A slot is an aware UTC datetime. Nothing here reads a clock; cronsim is imported when a cron line is first stepped.
"""

from __future__ import annotations

from runner.schedule.advise import advice
from runner.schedule.describe import in_words, show_delay, show_instant, window_in_words
from runner.schedule.instant import parse_time
from runner.schedule.parse import parse
from runner.schedule.steps import MISSED_CAP, following, latest, missed, period
from runner.schedule.window import in_window, next_opening, openings, parse_window, window_end
from runner.schedule.zones import zone

__all__ = [
    "MISSED_CAP",
    "advice",
    "following",
    "in_window",
    "in_words",
    "latest",
    "missed",
    "next_opening",
    "openings",
    "parse",
    "parse_time",
    "parse_window",
    "period",
    "show_delay",
    "show_instant",
    "window_end",
    "window_in_words",
    "zone",
]
