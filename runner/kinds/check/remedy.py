"""What mends a check's findings: `remedy:`, `remedy_auto:` and `remedy_every:`, and the templates of a check."""

from __future__ import annotations

from collections.abc import Collection

from runner.api import CompileContext, MappingNode, Scalar, ScheduleError
from runner.errors import TemplateError
from runner.kinds.check.spec import Remedy
from runner.model.quantity import parse_duration
from runner.model.suggest import did_you_mean
from runner.template import Template

ALWAYS = frozenset({"params", "target", "database", "state", "key"})
"""What templates may name beside the columns, of a finding and of an open problem."""


def read_remedy(
    node: MappingNode, names: Collection[str] | None, key: tuple[str, ...], context: CompileContext
) -> Remedy | None:
    """The job that mends the findings; `names` are the columns that its parameters may name, None when all may be."""
    auto = "remedy_auto" in node
    found = node.get("remedy")
    if found is None:
        _nothing_to_run(node, context)
        return None
    if not auto and "remedy_every" in node:
        message = "`remedy_every` limits what runs by itself, and this remedy does not"
        context.complain("missing-key", node.key_span("remedy_every"), message, "remedy_auto: in window")
    every = _every(node, context)
    if isinstance(found, Scalar) and isinstance(found.value, str):
        return Remedy(job=found.value, auto=auto, every=every)
    if not isinstance(found, MappingNode):
        return None
    job, params = found.get("job"), found.get("params")
    given = params if isinstance(params, MappingNode) else MappingNode({})
    for name in given:
        check_text(given, name, names, context)
        if auto:
            _check_open(given, name, names, key, context)
    texts = {name: item.text for name in given if isinstance(item := given.get(name), Scalar)}
    return Remedy(job=job.text if isinstance(job, Scalar) else "", params=texts, auto=auto, every=every)


def check_text(node: MappingNode, key: str, names: Collection[str] | None, context: CompileContext) -> None:
    """Complains about a template that cannot be filled in; without `names` it may name anything."""
    scalar = node.get(key)
    if not isinstance(scalar, Scalar):
        return
    try:
        wanted = Template(str(scalar.value), key).names()
    except TemplateError as error:
        context.complain("template", scalar.span, f"the {error.message}", error.hint)
        return
    for name in sorted(wanted - set(names) if names is not None else ()):
        _complain(scalar, name, f"no column `{name}`", did_you_mean(name, names or ()), context)


def _check_open(
    node: MappingNode, key: str, names: Collection[str] | None, columns: tuple[str, ...], context: CompileContext
) -> None:
    """What runs later knows a finding by its problem, and of that only what identifies it."""
    scalar = node.get(key)
    if not isinstance(scalar, Scalar):
        return
    try:
        wanted = Template(str(scalar.value), key).names()
    except TemplateError:
        return
    known = wanted if names is None else wanted & set(names)
    for name in sorted(known - {*columns, *ALWAYS}):
        message = f"with `remedy_auto` a parameter can be filled from the columns of `key:`, and `{name}` is none"
        hint = f"the key is {', '.join(columns)}" if columns else "key: [schema, table]"
        _complain(scalar, name, message, hint, context)


def _complain(scalar: Scalar, name: str, message: str, hint: str, context: CompileContext) -> None:
    start = max(0, str(scalar.value).find(name))
    context.complain("unknown-column", scalar.locate(start, start + len(name)), message, hint)


def _nothing_to_run(node: MappingNode, context: CompileContext) -> None:
    for key in ("remedy_auto", "remedy_every"):
        if key in node:
            message = f"`{key}` belongs to a `remedy`, and there is none"
            context.complain("missing-key", node.key_span(key), message, "remedy: vacuum-all")


def _every(node: MappingNode, context: CompileContext) -> float:
    scalar = node.get("remedy_every")
    if not isinstance(scalar, Scalar):
        return 0.0
    try:
        return parse_duration(scalar.text)
    except ScheduleError as error:
        context.complain("bad-value", scalar.span, error.message, error.hint)
        return 0.0
