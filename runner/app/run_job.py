"""`runner run`: jobs or groups now, whatever their schedule says."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from pathlib import PurePath

from runner.api import Job
from runner.app.deciding import targets_of
from runner.app.loading import Loaded
from runner.app.runs import Manner, Ran, perform
from runner.app.stores import claim_in
from runner.clock import Clock
from runner.config.files import JOBS_FOLDER
from runner.engine.claims import claim_now
from runner.errors import ConfigurationError, UsageError
from runner.gate import open_again
from runner.model.suggest import did_you_mean


def chosen(loaded: Loaded, names: Sequence[str]) -> tuple[Job, ...]:
    """The jobs that the names mean: a job, a group, or `tag:x`; raises UsageError with a suggestion, ConfigurationError for broken ones."""
    found: dict[str, Job] = {}
    for name in names:
        jobs = _meant(loaded, name)
        if not jobs and name in {*loaded.home.broken, *broken_among(loaded, [name])}:
            raise ConfigurationError(f"`{name}` cannot be used: it has errors", hint="runner validate shows them")
        if not jobs and name in loaded.home.groups:
            raise UsageError(f"the group `{name}` has no jobs", hint="runner list shows every job")
        if not jobs:
            raise UsageError(f"there is no job or group `{name}`", hint=_suggestion(loaded, name))
        found.update((job.name, job) for job in jobs)
    return tuple(sorted(found.values(), key=lambda job: (list(loaded.home.groups).index(job.group), job.order)))


def broken_among(loaded: Loaded, names: Sequence[str]) -> tuple[str, ...]:
    """The groups among the names of which not every job could be used."""
    home = loaded.home
    files = {
        PurePath(item.span.file).stem for item in home.errors if PurePath(item.span.file).parts[:1] == (JOBS_FOLDER,)
    }
    return tuple(name for name in names if name in home.groups and name in files | home.broken)


def _meant(loaded: Loaded, name: str) -> tuple[Job, ...]:
    jobs = loaded.home.jobs
    if name.startswith("tag:"):
        return tuple(job for job in jobs if name.removeprefix("tag:") in job.tags)
    return tuple(job for job in jobs if job.group == name) or tuple(job for job in jobs if job.name == name)


def _suggestion(loaded: Loaded, name: str) -> str:
    names = [*loaded.home.groups, *(job.name for job in loaded.home.jobs)]
    return did_you_mean(name, names) or "runner list shows every job"


def places(loaded: Loaded, jobs: Sequence[Job], target: str) -> list[tuple[Job, str]]:
    """Each job with the targets it runs on; `target` limits them. Raises UsageError for an unknown target."""
    known("target", [target] if target else [], loaded.home.targets)
    found = [(job, name) for job in jobs for name in targets_of(loaded, job) if not target or name in (target, "")]
    if not found:
        names = ", ".join(job.name for job in jobs)
        raise UsageError(
            f"{names}: nothing runs on {f'the target `{target}`' if target else 'any target'}",
            hint=f"runner show {jobs[0].name} --origin shows its `targets:`",
        )
    return found


def run_job(loaded: Loaded, clock: Clock, names: Sequence[str], target: str, manner: Manner) -> Ran:
    """Runs and records them; an unknown name or target is a UsageError before anything runs."""
    wanted = places(loaded, chosen(loaded, names), target)
    with ExitStack() as stack:
        tick = uuid.uuid4().hex
        store, faults, claims = claim_in(
            loaded.home, stack, tick, lambda store: claim_now(store, wanted, tick, clock.now())
        )
        ran = perform(loaded, store, clock, claims, manner, faults=(*faults, *loaded.host.faults, *loaded.faults))
    open_again(str(loaded.home.path))
    return ran


def known(kind: str, names: Iterable[str], there: Collection[str]) -> None:
    """Raises UsageError for the first name that is not there, with what may have been meant."""
    for name in names:
        if name not in there:
            hint = did_you_mean(name, there) or f"there are: {', '.join(sorted(there)) or 'none'}"
            raise UsageError(f"there is no {kind} `{name}`", hint=hint)


def read_params(words: Sequence[str], jobs: Sequence[Job]) -> dict[str, object]:
    """`name=value` words; a name that none of the jobs has is a UsageError."""
    there = sorted({name for job in jobs for name in job.params})
    found: dict[str, object] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise UsageError(f"`{word}` is not a parameter", hint="write --param name=value")
        if name not in there:
            raise UsageError(
                f"none of these jobs has a parameter `{name}`",
                hint=did_you_mean(name, there) or f"there are: {', '.join(there) or 'none'}",
            )
        found[name] = number_or_text(value)
    return found


def number_or_text(value: str) -> object:
    for convert in (int, float):
        try:
            return convert(value)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(value, value)
