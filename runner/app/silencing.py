"""`runner silence` and `runner unsilence`: nobody is told of some jobs for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from runner.app.loading import Loaded
from runner.app.run_job import known
from runner.errors import UsageError
from runner.model.home import Silence
from runner.model.suggest import did_you_mean
from runner.model.target import Selector
from runner.store.open import open_store


def add(
    loaded: Loaded,
    *,
    jobs: Sequence[str],
    targets: Sequence[str],
    keys: Sequence[str],
    reason: str,
    author: str,
    until: datetime,
    now: datetime,
) -> Silence:
    """Keeps a silence and returns it with its id; raises UsageError for names and patterns that mean nothing."""
    for name in jobs:
        _means_a_job(loaded, name)
    for name in targets:
        _means_something("target", name, list(loaded.home.targets))
    silence = Silence(
        jobs=tuple(jobs), targets=Selector(names=tuple(targets) or ("*",)), keys=tuple(keys) or ("*",), reason=reason,
        author=author, at=now, until=until,
    )  # fmt: skip
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        return replace(silence, id=store.add_silence(silence, now))


def silences(loaded: Loaded, now: datetime) -> tuple[Silence, ...]:
    """Those of the store, which have an id, and those of runner.yaml that have not ended."""
    written = tuple(item for item in loaded.home.settings.silences if item.until is None or item.until > now)
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        return (*store.silences(now), *written)


def remove(loaded: Loaded, ids: Sequence[str], now: datetime, *, everything: bool = False) -> tuple[Silence, ...]:
    """Ends silences of the store and returns them; raises UsageError for an id that is not there."""
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        there = {item.id: item for item in store.silences(now)}
        if not everything:
            known("silence", ids, there)
        ended = tuple(there[name] for name in (there if everything else dict.fromkeys(ids)))
        store.remove_silences(item.id for item in ended)
    return ended


def _means_a_job(loaded: Loaded, name: str) -> None:
    jobs = [job.name for job in loaded.home.jobs]
    group = [job.name for job in loaded.home.jobs if job.group == name]
    if group and name not in jobs:
        raise UsageError(f"`{name}` is a group, not a job", hint=f"its jobs are: {' '.join(group)}")
    _means_something("job", name, jobs)


def _means_something(noun: str, pattern: str, there: Sequence[str]) -> None:
    if not any(fnmatchcase(name, pattern) for name in there):
        what = f"no {noun} fits" if any(sign in pattern for sign in "*?[") else f"there is no {noun}"
        hint = did_you_mean(pattern, there) or f"there are: {', '.join(there) or 'none'}"
        raise UsageError(f"{what} `{pattern}`", hint=hint)
