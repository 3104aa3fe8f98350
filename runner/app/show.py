"""`runner show`: one job as it takes effect, and where each value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator

from runner.api import Job
from runner.app.loading import Loaded
from runner.model.diagnostic import BUILT_IN
from runner.model.node import MappingNode, Node, plain
from runner.model.quantity import show_duration
from runner.model.secret import mask
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A key, its value as text, and where that stands."""

    key: str
    value: str
    origin: str


def show(loaded: Loaded, job: Job) -> tuple[Shown, ...]:
    """Every key as it is written, then what holds because nothing else is said; secrets stay as references."""
    node = job.documented.get("node")
    written = node.entries if isinstance(node, MappingNode) else {}
    found = [
        Shown(key=key, value=mask(_text(entry.node), loaded.home.secrets), origin=str(entry.node.span))
        for key, entry in written.items()
        if key != "tests"
    ]
    return (*found, *(item for item in _built_in(job) if item.key not in written))


def _built_in(job: Job) -> Iterator[Shown]:
    limits = {
        "timezone": job.schedule.timezone if job.schedule else None,
        "catch_up": show_duration(job.catch_up),
        "timeout": show_duration(job.timeout) if job.timeout is not None else None,
        "statement_timeout": show_duration(job.statement_timeout),
        "lock_timeout": show_duration(job.lock_timeout),
        "remind_every": show_duration(job.remind_every),
    }
    for key, value in limits.items():
        if value is not None:
            origin = job.origins.get(key)
            yield Shown(key=key, value=value, origin=str(origin or BUILT_IN))


def _text(node: Node) -> str:
    value = plain(node)
    if isinstance(value, str):
        return value.rstrip("\n")
    return json.dumps(value, ensure_ascii=False)
