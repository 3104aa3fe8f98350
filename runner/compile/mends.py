"""`remedy:` names a maintenance job of the home, and parameters that it has; `remedy_auto:` gives that job its slots."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from runner.config.diagnostics import suggest
from runner.kinds.check.spec import CheckSpec
from runner.kinds.maintenance.spec import MaintenanceSpec
from runner.model.diagnostic import Diagnostic, Span
from runner.model.job import Job, Scope
from runner.model.node import MappingNode, Scalar
from runner.plugins.registry import Registry
from runner.schedule import openings


def wrong_remedies(jobs: Sequence[Job], known: Collection[str], registry: Registry) -> Iterator[tuple[Job, Diagnostic]]:
    """Checks whose remedy could not be run, and why; `known` are the names of all jobs, broken ones included."""
    by_name = {job.name: job for job in jobs}
    for job in jobs:
        if isinstance(job.spec, CheckSpec) and job.spec.remedy is not None:
            yield from ((job, found) for found in _wrong(job, job.spec.remedy.job, by_name, known, registry))
            if job.spec.remedy.auto and (found := _never(job, by_name.get(job.spec.remedy.job))):
                yield job, found


def mending(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs; those that mend by themselves have a slot at each begin of their window, and know for which checks."""
    mends: dict[str, tuple[str, ...]] = {}
    for job in jobs:
        if isinstance(job.spec, CheckSpec) and job.spec.remedy is not None and job.spec.remedy.auto:
            name = job.spec.remedy.job
            mends[name] = (*mends.get(name, ()), job.name)
    return tuple(
        replace(job, schedule=openings(job.window), mends=mends[job.name]) if job.name in mends and job.window else job
        for job in jobs
    )


def _never(check: Job, mender: Job | None) -> Diagnostic | None:
    """Why a remedy cannot run by itself, although it could be run by hand."""
    if mender is None or not isinstance(mender.spec, MaintenanceSpec):
        return None
    name = mender.name
    if mender.window is None:
        message, hint = f"`{name}` has no window in which it could run by itself", f"give `{name}` a `window:`"
    elif mender.schedule is not None:
        message = f"`{name}` has a schedule of its own, and so runs by itself already"
        hint = f"remove the `schedule:` of `{name}`, or `remedy_auto`"
    elif check.scope is Scope.DATABASE and mender.scope is not Scope.DATABASE:
        message = f"`{check.name}` looks at each database, and `{name}` would mend one of them only"
        hint = f"for_each: database at `{name}`"
    else:
        return None
    return Diagnostic(code="bad-value", span=_place_of_auto(check), message=message, hint=hint)


def _place_of_auto(job: Job) -> Span:
    document = job.documented.get("node")
    return document.key_span("remedy_auto") if isinstance(document, MappingNode) else job.span


def _wrong(
    job: Job, name: str, jobs: Mapping[str, Job], known: Collection[str], registry: Registry
) -> Iterator[Diagnostic]:
    span, spans = _places(job)
    mends = [other.name for other in jobs.values() if registry.kinds[other.kind].changes_data]
    if name not in known:
        hint = suggest(name, mends, "maintenance job")
        yield Diagnostic(code="unknown-job", span=span, message=f"there is no job `{name}`", hint=hint)
    elif name in jobs and name not in mends:
        message = f"`{name}` mends nothing: it is a {jobs[name].kind}"
        yield Diagnostic(code="bad-value", span=span, message=message, hint="name a maintenance job")
    elif name in jobs:
        for param in spans.keys() - jobs[name].params.keys():
            message = f"`{name}` has no parameter `{param}`"
            hint = suggest(param, jobs[name].params, "parameter")
            yield Diagnostic(code="unknown-parameter", span=spans[param], message=message, hint=hint)


def _places(job: Job) -> tuple[Span, Mapping[str, Span]]:
    """Where the name of the job stands, and its parameters."""
    document = job.documented.get("node")
    node = document.get("remedy") if isinstance(document, MappingNode) else None
    if isinstance(node, MappingNode):
        name, params = node.get("job"), node.get("params")
        spans = {key: params.key_span(key) for key in params} if isinstance(params, MappingNode) else {}
        return (name.span if isinstance(name, Scalar) else node.span), spans
    return (node.span if isinstance(node, Scalar) else job.span), {}
