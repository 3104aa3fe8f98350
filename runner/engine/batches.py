"""Puts the claimed runs of one tick into batches: one for each server and lane, so that limits of a server hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias
from uuid import uuid4

from runner.api import Batch, HandedRun
from runner.engine.claims import Claimed
from runner.handing import Lane
from runner.model.home import Home
from runner.model.job import Job
from runner.model.target import HOST, Target

_Place: TypeAlias = tuple[str, str, Lane]


def batches_of(
    claims: Sequence[Claimed], home: Home, wave: str, version: str, changes_data: Callable[[Job], bool], queue_by: str
) -> tuple[Batch, ...]:
    """What depends on each other in this tick (`after:`) stays together, in the lane of what changes data."""
    changing = _changing(claims, changes_data)
    gathered: dict[_Place, list[Claimed]] = {}
    for claim in claims:
        target = home.targets.get(claim.target)
        lane: Lane = "maintenance" if claim.run in changing else "checks"
        queue = target.labels.get(queue_by, "") if target and queue_by else ""
        gathered.setdefault((queue, server_of(target), lane), []).append(claim)
    return tuple(
        Batch(
            id=uuid4().hex,
            wave=wave,
            queue=queue,
            lane=lane,
            server=server,
            version=version,
            runs=tuple(map(_handed, members)),
        )
        for (queue, server, lane), members in gathered.items()
    )


def server_of(target: Target | None) -> str:
    """host:port as the target is reached, without a password; `host` for jobs that need no server."""
    if target is None or target.name == HOST:
        return "host"
    options = target.options
    host = options.get("host") or options.get("hostaddr") or options.get("service") or "default"
    return f"{host}:{options.get('port') or 5432}"


def _changing(claims: Sequence[Claimed], changes_data: Callable[[Job], bool]) -> set[str]:
    """The runs of jobs that change data, and of those that they follow or are followed by on the same target."""
    found = {claim.run for claim in claims if changes_data(claim.job)}
    while True:
        names = {(claim.target, claim.job.name) for claim in claims if claim.run in found}
        followed = {(claim.target, name) for claim in claims if claim.run in found for name in claim.job.after}
        more = {
            claim.run
            for claim in claims
            if claim.run not in found
            and (
                (claim.target, claim.job.name) in followed
                or any((claim.target, name) in names for name in claim.job.after)
            )
        }
        if not more:
            return found
        found |= more


def _handed(claim: Claimed) -> HandedRun:
    return HandedRun(
        run=claim.run,
        job=claim.job.name,
        target=claim.target,
        slot=claim.slot,
        attempt=claim.attempt,
        late=claim.late,
    )
