"""Compiles the YAML of a maintenance job to its spec."""

from __future__ import annotations

from runner.api import CompileContext, MappingNode, SequenceNode, plain
from runner.judge import Rule
from runner.kinds.maintenance.read_limits import read_limits
from runner.kinds.maintenance.read_steps import read_sql, read_step, text_of
from runner.kinds.maintenance.spec import MaintenanceSpec, Measure
from runner.kinds.maintenance.verify import read_rule
from runner.model.quantity import KINDS


def read(node: MappingNode, context: CompileContext) -> MaintenanceSpec:
    """The spec of the job; what is wrong goes to the context."""
    steps = node.get("steps")
    items = steps.items if isinstance(steps, SequenceNode) else ()
    if not items:
        context.complain(
            "missing-key",
            steps.span if steps else node.key_span("maintenance"),
            "this maintenance job has no steps",
            "steps:\n  - vacuum: {analyze: true, tables: needed}",
        )
    found = [read_step(item, number, context) for number, item in enumerate(items, start=1)]
    measure = node.get("measure")
    measured = _measure(measure, context) if isinstance(measure, MappingNode) else None
    return MaintenanceSpec(
        steps=tuple(step for step in found if step is not None),
        measure=measured,
        verify=_verify(node, measured, context),
        limits=read_limits(node, context),
    )


def _verify(node: MappingNode, measured: Measure | None, context: CompileContext) -> Rule | None:
    part = node.get("verify")
    if not isinstance(part, MappingNode):
        return None
    if measured is None:
        message = "`verify` judges what `measure` reads, and there is no `measure`"
        context.complain("missing-key", node.key_span("verify"), message, "measure: {key: [schema, table], sql: …}")
        return None
    return read_rule(part, measured, context)


def _measure(node: MappingNode, context: CompileContext) -> Measure:
    columns = plain(node.get("columns"))
    kinds = {str(name): str(kind) for name, kind in columns.items()} if isinstance(columns, dict) else {}
    for name, kind in kinds.items():
        if kind not in KINDS:
            span = node.key_span("columns")
            context.complain("bad-value", span, f"`{kind}` of `{name}` is no unit", f"the units are {', '.join(KINDS)}")
    key = node.get("key")
    names = tuple(text_of(item) for item in key.items) if isinstance(key, SequenceNode) else ()
    if not names:
        message = "`measure` needs the columns that identify a row"
        context.complain("missing-key", node.key_span("key"), message, "key: [schema, table]")
    return Measure(
        key=names,
        sql=read_sql(node.get("sql"), node.key_span("sql"), context),
        columns={name: kind for name, kind in kinds.items() if kind in KINDS and name not in names},
    )
