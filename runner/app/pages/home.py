"""What the pages ask about a home: its groups with their jobs, and where reports go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from runner.api import Job, Scope, Target
from runner.model.home import Home, Route, Send, SinkSettings
from runner.model.target import Selector
from runner.records import dataclass
from runner.report.route import sends_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The jobs of one file."""

    name: str
    title: str
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A sink that gets reports of a group; `jobs` is empty when it hears of all of them."""

    sink: SinkSettings
    send: tuple[Send, ...]
    states: tuple[Send, ...] = ("all",)
    jobs: tuple[str, ...] = ()
    some_targets: bool = False


def groups_of(home: Home) -> tuple[Group, ...]:
    """Every group that has a job, in the order of the files."""
    names = dict.fromkeys((*home.groups, *(job.group for job in home.jobs)))
    found = ((name, tuple(job for job in home.jobs if job.group == name)) for name in names)
    return tuple(Group(name=name, title=home.groups.get(name) or name, jobs=jobs) for name, jobs in found if jobs)


def targets_for(home: Home, job: Job) -> tuple[Target, ...]:
    """The targets that a job runs on; none for jobs of the host."""
    if job.scope is Scope.HOST:
        return ()
    return tuple(target for target in home.targets.values() if job.targets.admits(target))


def receivers(home: Home, group: Group, changes_only: Collection[str]) -> Iterator[Receiver]:
    """The sinks that get reports of the group; `changes_only` are the types that get only what changed."""
    for name, sink in home.settings.sinks.items():
        send = sends_of(sink, changes_only)
        if not home.settings.routes:
            yield Receiver(sink=sink, send=send)
            continue
        routes = [item for item in home.settings.routes if name in item.sinks and _leads(item, group)]
        if routes:
            yield _receiver(sink, send, routes, group)


def _receiver(sink: SinkSettings, send: tuple[Send, ...], routes: list[Route], group: Group) -> Receiver:
    states = tuple(dict.fromkeys(state for item in routes for state in item.states))
    heard = tuple(job.name for job in group.jobs if any(_admits(item, job) for item in routes))
    return Receiver(
        sink=sink,
        send=send,
        states=("all",) if "all" in states else states,
        jobs=() if len(heard) == len(group.jobs) else heard,
        some_targets=all(item.targets != Selector() for item in routes),
    )


def _leads(item: Route, group: Group) -> bool:
    return _any(item.groups, group.name) and any(_admits(item, job) for job in group.jobs)


def _admits(item: Route, job: Job) -> bool:
    return _any(item.jobs, job.name) and (not item.tags or bool(set(item.tags) & set(job.tags)))


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
