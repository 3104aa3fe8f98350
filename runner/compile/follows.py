"""`after:` names jobs that exist, have a schedule, and do not wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from runner.config.diagnostics import suggest
from runner.model.diagnostic import Diagnostic, Span
from runner.model.job import Job
from runner.model.node import MappingNode, Node, Scalar, SequenceNode

BAD_AFTER = "bad-after"


def wrong_followers(jobs: Sequence[Job], known: Collection[str]) -> Iterator[tuple[Job, Diagnostic]]:
    """Jobs that could never start, and why; `known` are the names of all jobs, broken ones included."""
    by_name = {job.name: job for job in jobs}
    for job in jobs:
        for name in job.after:
            if found := _wrong(job, name, by_name, known):
                yield job, found


def _wrong(job: Job, name: str, jobs: Mapping[str, Job], known: Collection[str]) -> Diagnostic | None:
    span = _span(job, name)
    if name not in known:
        hint = suggest(name, known, "job")
        return Diagnostic(code="unknown-job", span=span, message=f"there is no job `{name}`", hint=hint)
    if job.schedule is None:
        message = f"`{job.name}` has no schedule, so there is no slot in which it could follow `{name}`"
        return Diagnostic(code=BAD_AFTER, span=span, message=message, hint="give it a `schedule:`, or remove `after:`")
    if name in jobs and jobs[name].schedule is None:
        message = f"`{name}` has no schedule, so `{job.name}` would wait for it for ever"
        return Diagnostic(code=BAD_AFTER, span=span, message=message, hint=f"give `{name}` a `schedule:`")
    circle = _circle(job.name, name, jobs)
    if not circle:
        return None
    message = f"`{job.name}` would wait for itself: {' after '.join(f'`{item}`' for item in (job.name, *circle))}"
    return Diagnostic(code=BAD_AFTER, span=span, message=message, hint="remove `after:` from one of them")


def _circle(start: str, name: str, jobs: Mapping[str, Job]) -> tuple[str, ...]:
    """The way from a job that is followed back to the start; empty when there is none."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen = {name}
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        following = jobs[way[-1]].after if way[-1] in jobs else ()
        ways += [(*way, item) for item in following if item not in seen]
        seen.update(following)
    return ()


def _span(job: Job, name: str) -> Span:
    node = job.documented.get("node")
    written = node.get("after") if isinstance(node, MappingNode) else None
    items: Sequence[Node | None] = written.items if isinstance(written, SequenceNode) else (written,)
    return next((item.span for item in items if isinstance(item, Scalar) and item.text == name), job.span)
