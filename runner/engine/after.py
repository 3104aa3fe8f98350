"""`after:` whether the jobs that a job follows were ok in its slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from runner.model.job import Job
from runner.model.state import State
from runner.model.target import HOST
from runner.records import dataclass
from runner.schedule import latest, show_instant
from runner.store.base import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Why the job does not start now; `waits` when that can still change for this slot."""

    reason: str
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A job that is followed, on one target: its newest slot that is not later, and what is known of it.

    `comes` when the same tick runs it before on the same target; `settled` when that slot is over.
    """

    job: Job
    target: str
    slot: datetime
    record: RunRecord | None
    comes: bool
    settled: bool


def places(
    target: str, slot: datetime, followed: Job, targets: Sequence[str], look: Callable[[Job, str, datetime], Place]
) -> list[Place]:
    """Where the followed job has to be ok: on the same target when it runs there, else wherever it runs."""
    newest = latest(followed.schedule, slot) if followed.schedule else None
    if newest is None:
        return []
    return [look(followed, place, newest) for place in ((target,) if target in targets else targets)]


def hindrance(name: str, found: Sequence[Place]) -> Hindrance | None:
    """The first reason against starting; a job that cannot be used, or runs nowhere, is waited for."""
    if not found:
        return Hindrance(reason=f"runs after `{name}`, which cannot be used now", waits=True)
    return next(filter(None, map(_of, found)), None)


def _of(place: Place) -> Hindrance | None:
    record, slot = place.record, show_instant(place.slot, _zone(place.job), place.slot)
    what = f"runs after `{place.job.name}`" + ("" if place.target == HOST else f" on {place.target}")
    if record is None:
        if place.comes:
            return None
        if place.settled:
            return Hindrance(reason=f"{what}, which was not run for {slot}", waits=False)
        return Hindrance(reason=f"{what}, which was not run for {slot} yet", waits=True)
    if record.status in ("running", "interrupted"):
        return Hindrance(reason=f"{what}, which has not ended for {slot}", waits=True)
    if record.status == "done" and record.state is State.OK:
        return None
    was = record.state.value if record.state else record.status
    return Hindrance(reason=f"{what}, which was {was} for {slot}", waits=False)


def _zone(job: Job) -> str:
    return job.schedule.timezone if job.schedule else "UTC"


def unmet(job: Job, ended: Callable[[str], State | None]) -> str:
    """Why a job that was claimed must not be run after all: what it follows ended badly in the same tick.

    `ended` gives the state of a job that was run in this tick on the same target, None for others.
    """
    bad = [(name, state) for name in job.after if (state := ended(name)) not in (None, State.OK)]
    return f"runs after `{bad[0][0]}`, which is {bad[0][1].value}" if bad and bad[0][1] else ""
