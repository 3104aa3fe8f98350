"""Compiles the YAML of a maintenance job to its spec."""

from __future__ import annotations

from runner.api import CompileContext, MappingNode, Node, Scalar, SequenceNode, Span, plain
from runner.judge import Rule
from runner.kinds.maintenance.options import INDEX_CLEANUP
from runner.kinds.maintenance.spec import AnalyzeStep, Choice, MaintenanceSpec, Measure, SqlStep, Step, VacuumStep
from runner.kinds.maintenance.statements import refuses_transaction
from runner.kinds.maintenance.verify import read_rule
from runner.model.quantity import KINDS
from runner.model.sql_text import placeholders
from runner.model.suggest import did_you_mean

_ACTIONS = ("vacuum", "analyze", "sql")
_TABLES_HINT = "write needed, all, a list such as [public.orders, audit.*], or {sql: …}"
_WHY_NOT_FULL = (
    "VACUUM FULL locks the table against everybody while it is rewritten, so runner does not schedule it;"
    " vacuum without it, or rewrite online with pg_repack"
)


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
    found = [_step(item, number, context) for number, item in enumerate(items, start=1)]
    measure = node.get("measure")
    measured = _measure(measure, context) if isinstance(measure, MappingNode) else None
    return MaintenanceSpec(
        steps=tuple(step for step in found if step is not None),
        measure=measured,
        verify=_verify(node, measured, context),
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


def _step(node: Node, number: int, context: CompileContext) -> Step | None:
    if not isinstance(node, MappingNode):
        context.complain("bad-value", node.span, "a step is a mapping", "- vacuum: {tables: needed}")
        return None
    actions = [name for name in _ACTIONS if name in node]
    if len(actions) != 1:
        problem = "a step does one thing; this one has" if actions else "this step does nothing; give it"
        listed = " and ".join(f"`{name}`" for name in actions) or "one of `vacuum`, `analyze`, `sql`"
        context.complain("bad-value", node.span, f"{problem} {listed}", "start each step with a dash of its own")
        return None
    [action] = actions
    name = _text(node.get("name"))
    if action == "sql":
        return _sql_step(node, name or f"step {number}", context)
    if "autocommit" in node:
        message = f"`autocommit` belongs to `sql`; {action} never runs in a transaction"
        context.complain("bad-value", node.key_span("autocommit"), message, "remove the line")
    part = node.get(action)
    settings = part if isinstance(part, MappingNode) else MappingNode({}, node.span)
    return _vacuum(settings, name, context) if action == "vacuum" else _analyze(settings, name, context)


def _vacuum(node: MappingNode, name: str, context: CompileContext) -> VacuumStep:
    if "full" in node:
        context.complain("bad-value", node.key_span("full"), "`full` is not an option of maintenance", _WHY_NOT_FULL)
    cleanup = node.get("index_cleanup")
    parallel = plain(node.get("parallel"))
    return VacuumStep(
        name=name,
        tables=_choice(node.get("tables"), context),
        analyze=_flag(node.get("analyze")),
        freeze=_flag(node.get("freeze")),
        index_cleanup=_cleanup(cleanup, context) if cleanup else "",
        parallel=parallel if isinstance(parallel, int) and not isinstance(parallel, bool) else None,
        skip_locked=_flag(node.get("skip_locked")),
    )


def _analyze(node: MappingNode, name: str, context: CompileContext) -> AnalyzeStep:
    return AnalyzeStep(
        name=name, tables=_choice(node.get("tables"), context), skip_locked=_flag(node.get("skip_locked"))
    )


def _sql_step(node: MappingNode, name: str, context: CompileContext) -> SqlStep:
    sql, autocommit = _sql(node.get("sql"), node.span, context), _flag(node.get("autocommit"))
    if refuses_transaction(sql) and not autocommit:
        context.complain(
            "bad-value",
            node.key_span("sql"),
            "PostgreSQL refuses this statement inside a transaction",
            "add `autocommit: true` to the step",
        )
    return SqlStep(name=name, sql=sql, autocommit=autocommit)


def _choice(node: Node | None, context: CompileContext) -> Choice:
    if node is None:
        return Choice()
    if isinstance(node, SequenceNode) and node.items:
        return Choice(mode="listed", names=tuple(_text(item) for item in node.items))
    if isinstance(node, MappingNode) and "sql" in node:
        return Choice(mode="sql", sql=_sql(node.get("sql"), node.span, context))
    value = plain(node)
    if value in ("needed", "all"):
        return Choice(mode="all") if value == "all" else Choice()
    hint = (did_you_mean(value, ("needed", "all")) if isinstance(value, str) else "") or _TABLES_HINT
    context.complain("bad-value", node.span, "`tables` does not say which tables", hint)
    return Choice()


def _measure(node: MappingNode, context: CompileContext) -> Measure:
    columns = plain(node.get("columns"))
    kinds = {str(name): str(kind) for name, kind in columns.items()} if isinstance(columns, dict) else {}
    for name, kind in kinds.items():
        if kind not in KINDS:
            span = node.key_span("columns")
            context.complain("bad-value", span, f"`{kind}` of `{name}` is no unit", f"the units are {', '.join(KINDS)}")
    key = node.get("key")
    names = tuple(_text(item) for item in key.items) if isinstance(key, SequenceNode) else ()
    if not names:
        message = "`measure` needs the columns that identify a row"
        context.complain("missing-key", node.key_span("key"), message, "key: [schema, table]")
    return Measure(
        key=names,
        sql=_sql(node.get("sql"), node.key_span("sql"), context),
        columns={name: kind for name, kind in kinds.items() if kind in KINDS and name not in names},
    )


def _cleanup(node: Node, context: CompileContext) -> str:
    value = plain(node)
    text = {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if text not in INDEX_CLEANUP:
        context.complain("bad-value", node.span, f"`index_cleanup` cannot be `{text}`", "write auto, on or off")
        return ""
    return text


def _sql(node: Node | None, span: Span, context: CompileContext) -> str:
    text = _text(node).strip().rstrip(";")
    if not text:
        context.complain("missing-key", node.span if node else span, "there is no SQL here", "sql: select …")
    for found in placeholders(text):
        if found.name not in context.params:
            where = node.locate(found.start, found.end) if isinstance(node, Scalar) else span
            message = f"the SQL names the parameter `{found.name}`, which `params:` does not set"
            hint = did_you_mean(found.name, context.params) or f"params: {{{found.name}: …}}"
            context.complain("unknown-parameter", where, message, hint)
    return text


def _flag(node: Node | None) -> bool:
    return plain(node) is True


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, Scalar) and node.value is not None else ""
