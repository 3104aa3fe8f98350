"""Compiles the steps of a maintenance job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

from runner.api import CompileContext, MappingNode, Node, Scalar, SequenceNode, Span, plain
from runner.kinds.maintenance.read_limits import read_duration
from runner.kinds.maintenance.spec import (
    Action,
    AnalyzeStep,
    Choice,
    FreezeStep,
    ReindexStep,
    SqlStep,
    Step,
    VacuumStep,
    WorkStep,
)
from runner.kinds.maintenance.statements import refuses_transaction
from runner.kinds.maintenance.step_options import FLAGS, INDEX_CLEANUP
from runner.model.quantity import SIZE_UNITS
from runner.model.sql_text import placeholders
from runner.model.suggest import did_you_mean

_Reader: TypeAlias = Callable[[MappingNode, str, "float | None", CompileContext], WorkStep]
_ACTIONS: tuple[str, ...] = get_args(Action)
_TABLES_HINT = "write needed, all, a list such as [public.orders, audit.*], or {sql: …}"
_INDEXES_HINT = "write invalid, bloated, all, a list such as [public.orders, public.orders_pkey], or {sql: …}"
_WHY_NOT_FULL = (
    "it keeps everybody from the table while it is rewritten: add `exclusive: allowed` if that is meant;"
    " without a lock, vacuum without it or rewrite with pg_repack"
)
_NOT_WITH_FULL = ("parallel", "index_cleanup", "buffer_usage_limit", *FLAGS)


def read_step(node: Node, number: int, context: CompileContext) -> Step | None:
    """One step; None when it does not say what to do."""
    if not isinstance(node, MappingNode):
        context.complain("bad-value", node.span, "a step is a mapping", "- vacuum: {tables: needed}")
        return None
    actions = [name for name in _ACTIONS if name in node]
    if len(actions) != 1:
        problem = "a step does one thing; this one has" if actions else "this step does nothing; give it"
        listed = (
            " and ".join(f"`{name}`" for name in actions) or f"one of {', '.join(f'`{name}`' for name in _ACTIONS)}"
        )
        context.complain("bad-value", node.span, f"{problem} {listed}", "start each step with a dash of its own")
        return None
    [action] = actions
    name, budget = text_of(node.get("name")), read_duration(node.get("budget"), context)
    if action == "sql":
        return _sql_step(node, name or f"step {number}", budget, context)
    if "autocommit" in node:
        message = f"`autocommit` belongs to `sql`; {action} never runs in a transaction"
        context.complain("bad-value", node.key_span("autocommit"), message, "remove the line")
    part = node.get(action)
    settings = part if isinstance(part, MappingNode) else MappingNode({}, node.span)
    readers: dict[str, _Reader] = {"vacuum": _vacuum, "analyze": _analyze, "freeze": _freeze, "reindex": _reindex}
    return readers[action](settings, name, budget, context)


def _vacuum(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> VacuumStep:
    full = _flag(node.get("full"))
    if full:
        _check_full(node, context)
    elif "exclusive" in node:
        message = "`exclusive: allowed` is for `full: true`, and nothing else here takes such a lock"
        context.complain("bad-value", node.key_span("exclusive"), message, "remove the line")
    return VacuumStep(
        **_cleaning(node, name, budget, context),
        analyze=_flag(node.get("analyze")),
        freeze=_flag(node.get("freeze")),
        full=full,
    )


def _check_full(node: MappingNode, context: CompileContext) -> None:
    if plain(node.get("exclusive")) != "allowed":
        context.complain("bad-value", node.key_span("full"), "`full` needs `exclusive: allowed`", _WHY_NOT_FULL)
    if plain(node.get("tables")) in (None, "needed", "all"):
        message = "`full` is for tables that you name: what needs VACUUM does not need to be rewritten"
        context.complain("bad-value", node.key_span("full"), message, "tables: [public.orders]")
    for key in _NOT_WITH_FULL:
        if key in node:
            context.complain("bad-value", node.key_span(key), f"VACUUM FULL has no `{key}`", "remove it")


def _freeze(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> FreezeStep:
    return FreezeStep(
        **_cleaning(node, name, budget, context),
        xid_age=_age(node.get("xid_age"), context),
        mxid_age=_age(node.get("mxid_age"), context),
    )


def _analyze(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> AnalyzeStep:
    return AnalyzeStep(**_on_tables(node, name, budget, context), target=_whole(node.get("target")))


def _on_tables(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> dict[str, Any]:
    return {
        "name": name,
        "budget": budget,
        "tables": _choice(node.get("tables"), context),
        "skip_locked": _flag(node.get("skip_locked")),
        "buffer_usage_limit": text_of(node.get("buffer_usage_limit")).strip(),
        "jobs": _whole(node.get("jobs")) or 1,
    }


def _cleaning(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> dict[str, Any]:
    return {
        **_on_tables(node, name, budget, context),
        "index_cleanup": _cleanup(node.get("index_cleanup"), context),
        "parallel": _whole(node.get("parallel")),
        "flags": _flags(node),
    }


def _reindex(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> ReindexStep:
    size = node.get("min_size")
    bloat = node.get("bloat")
    report: Literal["drop", "report"] = "report" if plain(node.get("leftovers")) == "report" else "drop"
    return ReindexStep(
        name=name,
        budget=budget,
        indexes=_index_choice(node.get("indexes"), context),
        bloat=_share(bloat, context) if bloat is not None else ReindexStep().bloat,
        min_size=_size(size, context) if size is not None else ReindexStep().min_size,
        most=_whole(node.get("most")),
        leftovers=report,
    )


def _sql_step(node: MappingNode, name: str, budget: float | None, context: CompileContext) -> SqlStep:
    sql, autocommit = read_sql(node.get("sql"), node.span, context), _flag(node.get("autocommit"))
    if refuses_transaction(sql) and not autocommit:
        context.complain(
            "bad-value",
            node.key_span("sql"),
            "PostgreSQL refuses this statement inside a transaction",
            "add `autocommit: true` to the step",
        )
    return SqlStep(name=name, sql=sql, autocommit=autocommit, budget=budget)


# ---- which


def _choice(node: Node | None, context: CompileContext) -> Choice:
    found = _some(node, context)
    if found is not None:
        return found
    value = plain(node)
    if value in (None, "needed", "all"):
        return Choice(mode="all") if value == "all" else Choice()
    hint = (did_you_mean(value, ("needed", "all")) if isinstance(value, str) else "") or _TABLES_HINT
    context.complain("bad-value", node.span if node else Span(""), "`tables` does not say which tables", hint)
    return Choice()


def _index_choice(node: Node | None, context: CompileContext) -> Choice:
    found = _some(node, context)
    if found is not None:
        return found
    value = plain(node)
    if value == "all":
        return Choice(mode="all")
    if value in (None, "invalid", "bloated"):
        return Choice(mode="bloated") if value == "bloated" else Choice(mode="invalid")
    hint = (did_you_mean(value, ("invalid", "bloated", "all")) if isinstance(value, str) else "") or _INDEXES_HINT
    context.complain("bad-value", node.span if node else Span(""), "`indexes` does not say which indexes", hint)
    return Choice(mode="invalid")


def _some(node: Node | None, context: CompileContext) -> Choice | None:
    """A list, a query, or the findings of checks."""
    if isinstance(node, SequenceNode) and node.items:
        return Choice(mode="listed", names=tuple(text_of(item) for item in node.items))
    if isinstance(node, MappingNode) and "sql" in node and "findings_of" in node:
        message = "`sql` and `findings_of` both say which; take one of them"
        context.complain("bad-value", node.key_span("findings_of"), message, "make it two steps")
    if isinstance(node, MappingNode) and "sql" in node:
        return Choice(mode="sql", sql=read_sql(node.get("sql"), node.span, context))
    checks = node.get("findings_of") if isinstance(node, MappingNode) else None
    if isinstance(checks, SequenceNode) and checks.items:
        return Choice(mode="findings", names=tuple(text_of(item) for item in checks.items))
    return None


# ---- values


def _cleanup(node: Node | None, context: CompileContext) -> str:
    if node is None:
        return ""
    value = plain(node)
    text = {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if text not in INDEX_CLEANUP:
        context.complain("bad-value", node.span, f"`index_cleanup` cannot be `{text}`", "write auto, on or off")
        return ""
    return text


def _age(node: Node | None, context: CompileContext) -> float:
    """A number of transactions, or a share below 1."""
    value = plain(node)
    if node is None or value is None:
        return FreezeStep().xid_age
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return float(value)
    return _share(node, context)


def _share(node: Node, context: CompileContext) -> float:
    text = text_of(node).strip()
    try:
        share = float(text.removesuffix("%")) / 100 if text.endswith("%") else 1.0
    except ValueError:
        share = 1.0
    if not 0 < share < 1:
        context.complain("bad-value", node.span, f"`{text}` is not a share between 0 and 100 %", "write it as 50%")
        return 0.5
    return share


def _size(node: Node, context: CompileContext) -> int:
    text = text_of(node).strip()
    unit = text.lstrip("0123456789. ")
    number = text.removesuffix(unit).strip()
    try:
        return round(float(number) * SIZE_UNITS[unit])
    except (ValueError, KeyError):
        context.complain("bad-value", node.span, f"`{text}` is not a size", "write it as 100MB")
        return 0


def read_sql(node: Node | None, span: Span, context: CompileContext) -> str:
    """SQL without its last semicolon; complains about parameters that the job does not have."""
    text = text_of(node).strip().rstrip(";")
    if not text:
        context.complain("missing-key", node.span if node else span, "there is no SQL here", "sql: select …")
    for found in placeholders(text):
        if found.name not in context.params:
            where = node.locate(found.start, found.end) if isinstance(node, Scalar) else span
            message = f"the SQL names the parameter `{found.name}`, which `params:` does not set"
            hint = did_you_mean(found.name, context.params) or f"params: {{{found.name}: …}}"
            context.complain("unknown-parameter", where, message, hint)
    return text


def _flags(node: MappingNode) -> dict[str, bool]:
    return {name: _flag(node.get(name)) for name in FLAGS if name in node}


def _flag(node: Node | None) -> bool:
    return plain(node) is True


def _whole(node: Node | None) -> int | None:
    value = plain(node)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text_of(node: Node | None) -> str:
    """The text of a scalar, empty for anything else."""
    return str(node.value) if isinstance(node, Scalar) and node.value is not None else ""
