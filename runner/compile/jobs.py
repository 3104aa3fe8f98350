"""Compiles one source to a job: common keys here, the rest by its kind."""

from __future__ import annotations

from runner.api import JobKind
from runner.compile.common import CommonKeys
from runner.compile.context import Context
from runner.compile.expand import Source
from runner.config.interpolate import INTERPOLATED_KEYS, Interpolator
from runner.config.nodes import only, text_of, value_of
from runner.config.settings import LoadedSettings
from runner.errors import RunnerError
from runner.model.diagnostic import Diagnostic
from runner.model.job import Job
from runner.model.node import MappingNode
from runner.plugins.registry import Registry, describe, resolve
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The job, None when it cannot be used, and what was said about it."""

    job: Job | None
    diagnostics: tuple[Diagnostic, ...] = ()


def compile_job(source: Source, registry: Registry, loaded: LoadedSettings, interpolator: Interpolator) -> Compiled:
    """Reads all keys of a job; never raises."""
    kind = registry.kinds[source.kind]
    before = len(interpolator.diagnostics)
    node = interpolator.keys(source.node, INTERPOLATED_KEYS)
    unset = interpolator.diagnostics[before:]
    params = value_of(node.get("params"))
    context = Context(
        params=params if isinstance(params, dict) else {}, probes=registry.probes, functions=registry.functions
    )
    if unset or _lacks(kind, source, context):
        return Compiled(job=None, diagnostics=(*unset, *context.diagnostics))
    declared = loaded.declared.get("windows", frozenset())
    fields = CommonKeys(node, loaded.settings, context).fields(kind, registry.probes, declared)
    spec = _read_spec(kind, node, context)
    if kind.starts_programs and kind.name not in loaded.settings.allow:
        message = f"`{source.name}` starts a program, and runner.yaml does not allow that; it will be refused"
        context.advise("command-not-allowed", source.span, message, f"add `allow: [{kind.name}]` to runner.yaml")
    if context.failed:
        return Compiled(job=None, diagnostics=tuple(context.diagnostics))
    tests = node.get("tests")
    job = Job(
        name=source.name,
        kind=kind.name,
        group=source.group,
        title=text_of(node.get("title"), source.name),
        spec=spec,
        span=source.span,
        params=context.params,
        order=source.order,
        origins={key: entry.node.span for key, entry in node.entries.items()},
        documented={"node": source.node, **({"tests": tests} if tests is not None else {})},
        **fields,
    )
    return Compiled(job=job, diagnostics=tuple(context.diagnostics))


def _lacks(kind: JobKind, source: Source, context: Context) -> bool:
    missing = [key for key in kind.required if key not in source.node]
    for key in missing:
        context.complain("missing-key", source.span, f"`{source.name}` needs the key `{key}`", f"`{key}: …`")
    return bool(missing)


def _read_spec(kind: JobKind, node: MappingNode, context: Context) -> object:
    own = only(node, {*kind.options, kind.name})
    try:
        return resolve(kind.read)(own, context)
    except RunnerError as error:
        context.complain("plugin-failed", node.span, error.message, error.hint)
    except Exception as error:
        message = f"the kind `{kind.name}` broke while it read this job: {describe(error)}"
        context.complain("plugin-failed", node.span, message, "this is a bug of the kind, not of the file")
    return None
