"""schedule.md: when each group runs, its jobs, and who hears of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from runner.api import Job
from runner.app.pages.home import Group, Receiver, groups_of, receivers
from runner.app.pages.markdown import anchor, code, heading, listed, table, text
from runner.model.home import Home
from runner.model.job import Schedule
from runner.model.quantity import show_duration
from runner.schedule import advice, following, in_words, show_instant, window_in_words

SLOTS = 3
BY_HAND = "only by name: it has no schedule"


def schedule_page(home: Home, changes_only: Collection[str], now: datetime | None) -> list[str]:
    """The page's lines; the next slots stand in it only when `now` is given."""
    groups = groups_of(home)
    lines = [*heading(1, "Schedule"), *_overview(groups, now)]
    for group in groups:
        lines += _group(home, group, changes_only, now)
    return lines


def _overview(groups: tuple[Group, ...], now: datetime | None) -> list[str]:
    said = f"The next slots are counted from {show_instant(now, 'UTC', now)}. " if now else ""
    head = ("group", "title", "runs", *(("next",) if now else ()))
    rows = []
    for group in groups:
        schedules = _schedules(group)
        words = "; ".join(text(in_words(schedule)) for schedule in schedules) or "only by name"
        first = [slot for schedule in schedules if now and (slot := next(iter(following(schedule, now)), None))]
        cells = (f"[{text(group.name)}](#{anchor(group.name)})", text(group.title), words)
        rows.append((*cells, *((show_instant(min(first), "UTC", now) if first else "never",) if now else ())))
    return [f"{said}Groups run in this order when they are due together; groups that change data run last.", "",
            *table(head, rows)]  # fmt: skip


def _schedules(group: Group) -> list[Schedule]:
    """Every schedule of the group once, however it is worded."""
    found = {(item.schedule.cron, item.schedule.every, item.schedule.timezone): item.schedule
             for item in group.jobs if item.schedule}  # fmt: skip
    return list(found.values())


def _group(home: Home, group: Group, changes_only: Collection[str], now: datetime | None) -> list[str]:
    lines = [*heading(2, group.name), text(group.title), ""]
    for schedule in _schedules(group):
        lines += [f"- Runs {text(in_words(schedule))}.", *(f"- Note: {text(item)}" for item in advice(schedule))]
        if now:
            slots = [show_instant(slot, schedule.timezone, now) for slot in following(schedule, now, SLOTS)]
            lines.append(f"- Next: {listed(slots) or 'never'}.")
    lines += [f"- Reports go to {item}." for item in _receivers(home, group, changes_only)]
    mixed = len({job.schedule for job in group.jobs}) > 1
    head = ("job", "kind", "title", *(("runs",) if mixed else ()), "rules")
    return [*lines, "", *table(head, [_row(job, mixed=mixed) for job in group.jobs])]


def _row(job: Job, *, mixed: bool) -> tuple[str, ...]:
    runs = text(in_words(job.schedule)) if job.schedule else BY_HAND
    name = f"[{text(job.name)}](procedures.md#{anchor(job.name)})"
    return (name, job.kind, text(job.title), *((runs,) if mixed else ()), "; ".join(rules(job)))


def rules(job: Job) -> list[str]:
    """What else decides when the job runs, each in a few words of Markdown."""
    found = []
    if job.window:
        found.append(f"starts only within {text(window_in_words(job.window))}")
    if job.schedule and job.catch_up != 86400.0:
        late = f"a missed slot is run up to {show_duration(job.catch_up)} late"
        found.append(late if job.catch_up else "a missed slot is not run later")
    if job.overlap == "wait":
        found.append("waits while an earlier run is still going")
    if job.timeout is not None:
        found.append(f"ends after {show_duration(job.timeout)}")
    return found


def _receivers(home: Home, group: Group, changes_only: Collection[str]) -> list[str]:
    found = [receiver_in_words(item) for item in receivers(home, group, changes_only)]
    return found or ["nobody: no route leads to a sink"]


def receiver_in_words(receiver: Receiver) -> str:
    """`screen` (problems and recovered)."""
    parts = ["everything" if "all" in receiver.send else listed(receiver.send)]
    if "all" not in receiver.states:
        parts.append(f"its routes let through {listed(receiver.states)}")
    if receiver.jobs:
        parts.append(f"of {listed([code(name) for name in receiver.jobs])} only")
    if receiver.some_targets:
        parts.append("of some targets only")
    return f"{code(receiver.sink.name)} ({'; '.join(parts)})"
