"""`runner ack`: somebody knows of an open problem, so it makes no reminders for a while."""

from __future__ import annotations

from datetime import datetime

from runner.api import Problem
from runner.app.loading import Loaded
from runner.app.run_job import known
from runner.errors import RunnerError
from runner.model.problem import Acknowledgement
from runner.model.suggest import did_you_mean
from runner.records import dataclass
from runner.report.silence import is_named
from runner.store.base import Store
from runner.store.open import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Which problems: a job, and when they are given a target and a pattern of rows."""

    job: str
    target: str | None = None
    key: str = "*"


def read_place(loaded: Loaded, text: str, key: str) -> Meant:
    """`JOB` or `JOB@TARGET`; raises UsageError for names that do not exist, with what may have been meant."""
    job, at, target = text.partition("@")
    known("job", [job], [item.name for item in loaded.home.jobs])
    if not at:
        return Meant(job=job, key=key or "*")
    known("target", [target], [*loaded.home.targets, "host"])
    return Meant(job=job, target="" if target == "host" else target, key=key or "*")


def acknowledge(
    loaded: Loaded, meant: Meant, *, author: str, reason: str, until: datetime | None, now: datetime
) -> tuple[Acknowledgement, ...]:
    """Acknowledges the open problems that are meant; raises RunnerError when there is none."""
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        found = _open(store, meant)
        made = tuple(
            Acknowledgement(
                job=item.job, target=item.target, series=item.series, state=item.state, author=author, at=now,
                reason=reason, until=until,
            )
            for item in found
        )  # fmt: skip
        store.acknowledge(made)
    return made


def acknowledged(loaded: Loaded, now: datetime) -> tuple[Acknowledgement, ...]:
    """All that hold now."""
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        return store.acknowledged(now)


def take_back(loaded: Loaded, meant: Meant, now: datetime) -> tuple[Acknowledgement, ...]:
    """Removes the acknowledgements that are meant and returns them; raises RunnerError when there is none."""
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        found = tuple(item for item in store.acknowledged(now) if _is_meant(meant, item))
        if not found:
            raise RunnerError(f"{_shown(meant)} has no acknowledged problem", hint="runner ack --list shows them all")
        store.unacknowledge(item.identity for item in found)
    return found


def _open(store: Store, meant: Meant) -> tuple[Problem, ...]:
    problems = [item for item in store.problems() if item.job == meant.job]
    found = tuple(item for item in problems if _is_meant(meant, item))
    if found:
        return found
    keys = sorted({str(item.series) for item in problems if str(item.series)})
    hint = "runner status shows what is open"
    if meant.key != "*" and keys:
        hint = did_you_mean(meant.key, keys) or f"its open problems are: {', '.join(keys)}"
    raise RunnerError(f"{_shown(meant)} has no open problem, so there is nothing to acknowledge", hint=hint)


def _is_meant(meant: Meant, item: Problem | Acknowledgement) -> bool:
    placed = item.job == meant.job and meant.target in (None, item.target)
    return placed and (meant.key == "*" or is_named(item.series, meant.key))


def _shown(meant: Meant) -> str:
    where = "" if meant.target is None else f" on {meant.target or 'host'}"
    return f"`{meant.job}`{where}{'' if meant.key == '*' else f' with the key `{meant.key}`'}"
