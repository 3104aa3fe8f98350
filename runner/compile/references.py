"""Names that must exist: targets of jobs, and what routes and silences speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from runner.config.diagnostics import suggest
from runner.config.selectors import name_nodes
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.job import Job, Scope
from runner.model.node import MappingNode, Node, Scalar, SequenceNode
from runner.model.target import Target
from runner.records import dataclass


def check_job(
    job: Job, targets: Mapping[str, Target], declared: Collection[str], *, elsewhere: bool = False
) -> Iterator[Diagnostic]:
    """Unknown targets are errors; a selection that means none of them is worth a warning.

    With targets `elsewhere` they are warnings too: a target that is gone there must not break its jobs.
    """
    if job.scope is Scope.HOST:
        return
    node = job.documented.get("node")
    chosen = node.get("targets") if isinstance(node, MappingNode) else None
    unknown = list(unknown_targets(chosen, declared, elsewhere=elsewhere))
    yield from unknown
    span = job.origins.get("targets", job.span)
    all_usable = set(declared) == set(targets)
    if all_usable and not unknown and not any(job.targets.admits(target) for target in targets.values()):
        message = f"`{job.name}` would never run: no target of runner.yaml fits"
        yield Diagnostic(
            code="no-target",
            span=span,
            message=message,
            hint=f"there are: {', '.join(sorted(targets)) or 'none'}",
            severity=Severity.WARNING,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that exist; broken jobs and groups count, so that one mistake is not told twice."""

    declared: Mapping[str, Collection[str]]
    jobs: frozenset[str]
    groups: frozenset[str]
    tags: frozenset[str] | None
    """None when broken jobs may have more."""
    elsewhere: bool = False
    """Whether targets stand elsewhere as well, where they come and go."""


def check_settings(root: MappingNode, known: Known) -> Iterator[Diagnostic]:
    """What the routes and silences of runner.yaml name must exist."""
    for route in _items(root.get("routes")):
        yield from _unknown(route.get("sinks"), known.declared["sinks"], "sink", "sink in runner.yaml")
        yield from _unknown(route.get("groups"), known.groups, "group", "file in checks.d")
        if known.tags is not None:
            yield from _unknown(route.get("tags"), known.tags, "tag", "tag")
        yield from _jobs_and_targets(route, known)
        yield from _unknown(route.get("quiet"), known.declared["windows"], "window", "window in runner.yaml")
    for silence in _items(root.get("silences")):
        yield from _jobs_and_targets(silence, known)
        yield from _unknown(silence.get("window"), known.declared["windows"], "window", "window in runner.yaml")


def _jobs_and_targets(node: MappingNode, known: Known) -> Iterator[Diagnostic]:
    yield from _unknown(node.get("jobs"), known.jobs, "job", "job")
    yield from unknown_targets(node.get("targets"), known.declared["targets"], elsewhere=known.elsewhere)


def _items(node: Node | None) -> list[MappingNode]:
    return [item for item in node.items if isinstance(item, MappingNode)] if isinstance(node, SequenceNode) else []


def unknown_targets(node: Node | None, declared: Collection[str], *, elsewhere: bool = False) -> Iterator[Diagnostic]:
    """What `targets:` names and neither runner.yaml nor a source has."""
    for item in _unknown(name_nodes(node), declared, "target", "target in runner.yaml"):
        yield replace(item, severity=Severity.WARNING) if elsewhere else item


def _unknown(node: Node | None, known: Collection[str], noun: str, among: str) -> Iterator[Diagnostic]:
    for item in node.items if isinstance(node, SequenceNode) else (node,):
        if not isinstance(item, Scalar) or item.value is None or any(sign in item.text for sign in "*?["):
            continue
        if item.text not in known:
            message, hint = f"there is no {noun} `{item.text}`", suggest(item.text, known, among)
            yield Diagnostic(code=f"unknown-{noun}", span=item.span, message=message, hint=hint)
