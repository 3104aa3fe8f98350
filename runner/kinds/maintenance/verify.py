"""Judges the measured change: `verify:` and its conditions on before.<column> and after.<column>."""

from __future__ import annotations

from collections.abc import Iterable

from runner.api import CompileContext, ExpressionError, Finding, Job, MappingNode, RunContext, Scalar, State
from runner.expr import Expression, Scope, analyse, parse
from runner.judge import JudgedRow, Rule, by_series, judge_change, needs
from runner.kinds.maintenance.spec import Measure
from runner.kinds.maintenance.visit import Visit
from runner.model.history import NO_PAST


def read_rule(node: MappingNode, measure: Measure, context: CompileContext) -> Rule:
    """The conditions as a rule about the measured rows."""
    columns = {**dict.fromkeys(measure.key), **measure.columns}
    scope = Scope(
        columns=columns, known=bool(measure.columns), params=context.params, phases=True, functions=context.functions
    )
    return Rule(
        functions=context.functions,
        key=measure.key,
        kinds=measure.columns,
        warning=_conditions(node, "warning", scope, context),
        critical=_conditions(node, "critical", scope, context),
    )


def _conditions(node: MappingNode, level: str, scope: Scope, context: CompileContext) -> tuple[Expression, ...]:
    scalar = node.get(level)
    if not isinstance(scalar, Scalar):
        return ()
    try:
        expression = parse(str(scalar.value))
    except ExpressionError as error:
        _complain(error, scalar, context)
        return ()
    for problem in analyse(expression, scope).problems:
        _complain(problem, scalar, context)
    return (expression,)


def _complain(error: ExpressionError, scalar: Scalar, context: CompileContext) -> None:
    context.complain(error.code, scalar.locate(error.start, error.end), error.message, error.hint)


def verify(context: RunContext, job: Job, rule: Rule, visits: Iterable[Visit]) -> list[Finding]:
    """The findings about rows that were measured both times; one that came or went meanwhile is not judged."""
    wanted = needs(rule)
    target = context.target.name if context.target else ""
    seen = list(visits)
    before = by_series(rule, {visit.database: visit.before for visit in seen})
    after = by_series(rule, {visit.database: visit.after for visit in seen})
    both = before.keys() & after.keys()
    judgement = judge_change(
        rule,
        {series: values for series, values in before.items() if series in both},
        {series: values for series, values in after.items() if series in both},
        past=context.history.past(job.name, target, wanted, context.now) if wanted else NO_PAST,
        memory=context.memory,
        params=context.params,
        now=context.now,
    )
    return [_finding(row) for row in (*judgement.whole, *judgement.rows) if row.state is not State.OK]


def _finding(row: JudgedRow) -> Finding:
    title = "/".join(part for part in (row.series.database, ".".join(row.series.key)) if part)
    message = f"{title}: {row.reason}" if title else row.reason
    return Finding(
        state=row.state,
        message=message,
        series=row.series,
        reason=row.reason if row.state is State.UNKNOWN else "",
    )
