"""From the YAML of a check to its spec; every complaint points at the characters it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, cast

from runner.api import CompileContext, ExpressionError, MappingNode, Node, ProbeType, Scalar, SequenceNode, plain
from runner.expr import Expression, Scope, analyse, parse
from runner.judge import Rule
from runner.kinds.check.cases import check_cases
from runner.kinds.check.columns import named_columns
from runner.kinds.check.remedy import ALWAYS, check_text, read_remedy
from runner.kinds.check.spec import CheckSpec
from runner.model.sql_text import placeholders
from runner.model.sql_variants import SqlVariants, read_sql
from runner.model.suggest import did_you_mean
from runner.records import dataclass

_OF_SUMMARIES = frozenset({"params", "target", "rows", "count", "found"})


@dataclass(frozen=True, slots=True)
class _Names:
    """The columns that may be named: declared kinds, and the words of the SQL; all names when it has a star."""

    columns: Mapping[str, str | None]
    known: bool
    computed: Mapping[str, Expression] = field(default_factory=dict)


def read_check(node: MappingNode, context: CompileContext) -> CheckSpec:
    """The spec; what is wrong is told to the context, and the caller drops the job."""
    sql = _sql(node, "sql", context)
    probe = _probe(node, context)
    if (sql is None) == (probe is None) and not ("sql" in node or "probe" in node):
        context.complain(
            "no-rows", node.span, "a check needs `sql:` or `probe:`", "sql: select count(*) as used from …"
        )
    elif "sql" in node and "probe" in node:
        context.complain(
            "two-sources", node.key_span("probe"), "a check has `sql:` or `probe:`, not both", "remove one"
        )
    names = _names(node, sql, probe)
    rule = _rule(node, names, probe, context)
    detail = _sql(node, "detail", context)
    _check_key(node, sql, context)
    _columns(node, "trend", {*names.columns, *rule.computed}, names.known, context)
    for key in ("message", "hint"):
        check_text(node, key, {*names.columns, *rule.computed, *ALWAYS} if names.known else None, context)
    check_text(node, "summary", _OF_SUMMARIES, context)
    check_cases(node.get("tests"), context)
    return CheckSpec(
        rule=rule,
        sql=sql,
        probe=probe.name if probe else "",
        probe_options=cast("Mapping[str, object]", plain(node.get("with")) or {}),
        survives_unreachable=bool(probe and (probe.survives_unreachable or not probe.needs_server)),
        message=_text(node, "message"),
        summary=_text(node, "summary"),
        hint=_text(node, "hint"),
        remedy=read_remedy(node, {*names.columns, *rule.computed, *ALWAYS} if names.known else None, rule.key, context),
        detail=detail,
        show=tuple(
            str(item.value) for item in _columns(node, "show", {*names.columns, *rule.computed}, names.known, context)
        ),
        trend=_text(node, "trend"),
    )


def _text(node: MappingNode, key: str) -> str:
    value = plain(node.get(key))
    return value if isinstance(value, str) else ""


def _sql(node: MappingNode, key: str, context: CompileContext) -> SqlVariants | None:
    found = node.get(key)
    if found is None:
        return None
    variants = read_sql(found, context)
    for text in _scalars(found):
        for placeholder in placeholders(str(text.value)):
            if placeholder.name not in context.params:
                context.complain(
                    "unknown-parameter",
                    text.locate(placeholder.start, placeholder.end),
                    f"the SQL names the parameter `{placeholder.name}`, which `params:` does not set",
                    did_you_mean(placeholder.name, context.params) or f"params: {{{placeholder.name}: …}}",
                )
    return variants


def _scalars(node: Node) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    items = node.items if isinstance(node, SequenceNode) else [entry.node for entry in node.entries.values()]
    return [scalar for item in items for scalar in _scalars(item)]


def _probe(node: MappingNode, context: CompileContext) -> ProbeType | None:
    name = _text(node, "probe")
    return context.probe(name) if name else None


def _names(node: MappingNode, sql: SqlVariants | None, probe: ProbeType | None) -> _Names:
    declared = cast("Mapping[str, str]", plain(node.get("columns")) or {})
    key = cast("list[str]", plain(node.get("key")) or [])
    if probe is not None and sql is not None:
        return _Names(declared, False)
    if probe is not None:
        return _Names({**probe.columns, **declared}, bool(probe.columns))
    words = named_columns(sql.variants.values()) if sql else None
    columns: dict[str, str | None] = {**dict.fromkeys(sorted(words or ())), **dict.fromkeys(key), **declared}
    return _Names(columns, words is not None)


def _check_key(node: MappingNode, sql: SqlVariants | None, context: CompileContext) -> None:
    """A key column that the query cannot have; what is declared in `columns:` may be all that is known of it."""
    words = named_columns(sql.variants.values()) if sql else None
    declared = cast("Mapping[str, str]", plain(node.get("columns")) or {})
    if words is not None:
        _columns(node, "key", {*words, *declared}, True, context)


def _rule(node: MappingNode, names: _Names, probe: ProbeType | None, context: CompileContext) -> Rule:
    computed: dict[str, Expression] = {}
    used: set[str] = set()
    entries = node.get("computed")
    for name, entry in entries.entries.items() if isinstance(entries, MappingNode) else ():
        scope = _Names(names.columns, names.known, dict(computed))
        computed.update((name, found) for found in _expressions(entry.node, scope, "value", used, context))
    scope = _Names(names.columns, names.known, computed)
    conditions = {
        level: _expressions(node.get(level), scope, "condition", used, context)
        for level in ("warning", "critical", "clear")
    }
    kinds = {name: kind for name, kind in names.columns.items() if kind}
    key = tuple(cast("list[str]", plain(node.get("key")) or (list(probe.key) if probe else [])))
    trend = _text(node, "trend")
    recorded = {name for name, kind in kinds.items() if kind != "text"} | used | set(computed)
    return Rule(
        key=key,
        kinds=kinds,
        computed=computed,
        warning=conditions["warning"],
        critical=conditions["critical"],
        clear=conditions["clear"][0] if conditions["clear"] else None,
        on_null=cast("Literal['unknown', 'ok', 'warning', 'critical']", _text(node, "on_null") or "unknown"),
        exceptions=_exceptions(node),
        functions=context.functions,
        record=frozenset(recorded | ({trend} if trend else set())),
    )


def _exceptions(node: MappingNode) -> tuple[Mapping[str, str], ...]:
    items = cast("list[dict[str, str]]", plain(node.get("except")) or [])
    return tuple({name: str(value) for name, value in item.items() if name != "reason"} for item in items)


def _expressions(
    node: Node | None,
    names: _Names,
    wanted: Literal["condition", "value"],
    used: set[str],
    context: CompileContext,
) -> tuple[Expression, ...]:
    """The expressions of a text or a list of texts; their columns are added to `used`."""
    found: list[Expression] = []
    for scalar in _scalars(node) if node else ():
        text = str(scalar.value).lower() if isinstance(scalar.value, bool) else str(scalar.value)
        try:
            expression = parse(text)
        except ExpressionError as error:
            _complain(error, scalar, context)
            continue
        scope = Scope(
            columns=names.columns,
            known=names.known,
            params=context.params,
            phases=False,
            functions=context.functions,
            computed=names.computed,
        )
        analysis = analyse(expression, scope, wanted=wanted)
        for problem in analysis.problems:
            _complain(problem, scalar, context)
        used |= analysis.columns | {need.column for need in analysis.needs}
        found.append(expression)
    return tuple(found)


def _complain(error: ExpressionError, scalar: Scalar, context: CompileContext) -> None:
    context.complain(error.code, scalar.locate(error.start, error.end), error.message, error.hint)


def _columns(node: MappingNode, key: str, names: set[str], known: bool, context: CompileContext) -> list[Scalar]:
    """The column names that a key gives, one or several; unknown ones are complained about."""
    found = node.get(key)
    scalars = _scalars(found) if found else []
    for scalar in scalars:
        if known and str(scalar.value) not in names:
            hint = did_you_mean(str(scalar.value), names)
            context.complain("unknown-column", scalar.span, f"no column `{scalar.value}`", hint)
    return scalars
