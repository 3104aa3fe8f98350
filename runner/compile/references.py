"""Names that must exist: targets of jobs, and what routes and silences speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from runner.config.diagnostics import suggest
from runner.config.selectors import name_nodes
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.home import Route, Settings, Silence
from runner.model.job import Job, Scope
from runner.model.node import MappingNode, Node, Scalar, SequenceNode
from runner.model.target import Selector, Target


def check_job(job: Job, targets: Mapping[str, Target], declared: Collection[str]) -> Iterator[Diagnostic]:
    """Unknown targets are errors; a selection that means none of them is worth a warning."""
    if job.scope is Scope.HOST:
        return
    node = job.documented.get("node")
    chosen = node.get("targets") if isinstance(node, MappingNode) else None
    unknown = list(_unknown_targets(name_nodes(chosen), declared))
    yield from unknown
    span = job.origins.get("targets", job.span)
    if not unknown and not any(job.targets.admits(target) for target in targets.values()):
        message = f"`{job.name}` would never run: no target of runner.yaml fits"
        yield Diagnostic(
            code="no-target",
            span=span,
            message=message,
            hint=f"there are: {', '.join(sorted(targets)) or 'none'}",
            severity=Severity.WARNING,
        )


def _unknown_targets(node: Node | None, declared: Collection[str]) -> Iterator[Diagnostic]:
    items = node.items if isinstance(node, SequenceNode) else (node,) if node else ()
    for item in items:
        if isinstance(item, Scalar) and item.value is not None:
            yield from _unknown((item.text,), declared, item.span, "target", "target in runner.yaml")


def check_settings(
    settings: Settings, declared: Mapping[str, Collection[str]], jobs: Iterable[Job], broken: Collection[str],
    groups: Collection[str],
) -> Iterator[Diagnostic]:  # fmt: skip
    """What routes and silences name must exist; broken jobs and groups count as existing."""
    known = _Known(declared, tuple(jobs), broken, groups)
    for route in settings.routes:
        yield from known.of_route(route)
    for silence in settings.silences:
        yield from known.of_silence(silence)


class _Known:
    """The names that exist, by what they name."""

    def __init__(
        self, declared: Mapping[str, Collection[str]], jobs: tuple[Job, ...], broken: Collection[str],
        groups: Collection[str],
    ) -> None:  # fmt: skip
        self._declared = declared
        self._jobs = {*(job.name for job in jobs), *broken}
        self._groups = {*groups, *broken}
        self._tags = {tag for job in jobs for tag in job.tags}
        self._complete = not broken

    def of_route(self, route: Route) -> Iterator[Diagnostic]:
        yield from _unknown(route.sinks, self._declared["sinks"], route.span, "sink", "sink in runner.yaml")
        yield from _unknown(route.groups, self._groups, route.span, "group", "file in checks.d")
        yield from _unknown(route.jobs, self._jobs, route.span, "job", "job")
        if self._complete:
            yield from _unknown(route.tags, self._tags, route.span, "tag", "tag")
        yield from self._targets(route.targets, route.span)

    def of_silence(self, silence: Silence) -> Iterator[Diagnostic]:
        yield from _unknown(silence.jobs, self._jobs, silence.span, "job", "job")
        yield from self._targets(silence.targets, silence.span)
        if silence.window:
            windows = self._declared["windows"]
            yield from _unknown((silence.window,), windows, silence.span, "window", "window in runner.yaml")

    def _targets(self, selector: Selector, span: Span) -> Iterator[Diagnostic]:
        yield from _unknown(selector.names, self._declared["targets"], span, "target", "target in runner.yaml")


def _unknown(names: Iterable[str], known: Collection[str], span: Span, noun: str, among: str) -> Iterator[Diagnostic]:
    for name in names:
        if name not in known and not any(sign in name for sign in "*?["):
            message = f"there is no {noun} `{name}`"
            yield Diagnostic(code=f"unknown-{noun}", span=span, message=message, hint=suggest(name, known, among))
