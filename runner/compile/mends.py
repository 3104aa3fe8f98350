"""`remedy:` names a maintenance job of the home, and parameters that it has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from runner.config.diagnostics import suggest
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic, Span
from runner.model.job import Job
from runner.model.node import MappingNode, Scalar
from runner.plugins.registry import Registry


def wrong_remedies(jobs: Sequence[Job], known: Collection[str], registry: Registry) -> Iterator[tuple[Job, Diagnostic]]:
    """Checks whose remedy could not be run, and why; `known` are the names of all jobs, broken ones included."""
    by_name = {job.name: job for job in jobs}
    for job in jobs:
        if isinstance(job.spec, CheckSpec) and job.spec.remedy is not None:
            yield from ((job, found) for found in _wrong(job, job.spec.remedy.job, by_name, known, registry))


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
