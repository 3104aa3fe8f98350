"""With which parameters the steps of a job are done: its own, or those that the findings of checks fill in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from runner.api import Job, Problem, RunContext, State, StoreError
from runner.errors import TemplateError
from runner.kinds.check.spec import CheckSpec, Remedy
from runner.kinds.maintenance.findings import in_words, open_problems
from runner.model.sql_text import placeholders
from runner.records import dataclass
from runner.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One set of parameters; `title` names the finding that it is for, `why` says it whole, in words."""

    params: Mapping[str, object] = field(default_factory=dict)
    title: str = ""
    why: str = "chosen by the query"


def mends_now(context: RunContext, job: Job) -> bool:
    """Whether the run is for a slot of its windows (`remedy_auto:`), and not one that was asked for by name."""
    return bool(job.mends) and context.previous_due(job, context.slot) == context.slot


def calls_of(context: RunContext, job: Job, database: str, own: str) -> Sequence[Call] | str:
    """What the steps are done for in this database, each set of parameters once; or why that is not known.

    A run by name has one call, with the parameters that it was given. One that mends has none where there is nothing
    to mend.
    """
    if not mends_now(context, job):
        return (Call(params=context.params),)
    try:
        problems = open_problems(context, job.mends, database, own)
    except StoreError as error:
        return error.message
    checks = {check.name: check for check in context.jobs if check.name in job.mends}
    found: dict[tuple[tuple[str, str], ...], Call] = {}
    for problem in problems:
        if problem.state in (State.WARNING, State.CRITICAL):
            try:
                given = _filled(context, checks[problem.job], problem)
            except TemplateError as error:
                return error.message
            title = str(problem.series) if given else ""
            call = Call(params=_with(context.params, given), title=title, why=in_words(problem))
            found.setdefault(tuple(given.items()), call)
    return tuple(found.values())


def for_each(calls: Sequence[Call], sql: str) -> Sequence[Call]:
    """The calls in which this statement differs: one is enough when it names no parameter."""
    return calls if placeholders(sql) else tuple(Call(params=call.params) for call in calls[:1])


def _filled(context: RunContext, check: Job, problem: Problem) -> dict[str, str]:
    """The parameters of the remedy, from what identifies the problem."""
    assert isinstance(check.spec, CheckSpec)
    remedy: Remedy = check.spec.remedy or Remedy(job="")
    target = context.target
    known: dict[str, object] = {
        "params": {name: target.params.get(name, value) if target else value for name, value in check.params.items()},
        "target": problem.target,
        "database": problem.series.database,
        "state": problem.state.value,
        "key": ".".join(problem.series.key),
        **dict(zip(check.spec.rule.key, problem.series.key, strict=False)),
    }
    return {name: Template(text, "remedy").render(known) for name, text in remedy.params.items()}


def _with(params: Mapping[str, object], given: Mapping[str, str]) -> dict[str, object]:
    return {**params, **{name: _like(params.get(name), text) for name, text in given.items()}}


def _like(default: object, text: str) -> object:
    """As the parameter's own value is: a number stays one, and a name such as `007` text."""
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        try:
            return type(default)(text)
        except ValueError:
            return text
    return text
