"""Why a check is in its state: every threshold in words with the last values put in, and its problems over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from runner.api import Dimension, Job, Problem, Result, Series, State
from runner.app.episodes import size_of
from runner.expr import Environment, Expression, Unknown, facts, in_words, truth
from runner.judge import needs
from runner.judge.recorded import recorded_environments
from runner.judge.table import Circumstances
from runner.kinds.check.spec import CheckSpec
from runner.model.job import Hold
from runner.model.quantity import show_duration
from runner.records import dataclass
from runner.schedule import show_delay, show_instant
from runner.store.base import Store

_MOST = 3
_MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows of one job on one target; `timezone` is the one that times are shown in."""

    store: Store
    job: Job
    target: str
    result: Result
    params: Mapping[str, object]
    now: datetime
    timezone: str

    def when(self, instant: datetime) -> str:
        return f"{show_instant(instant, self.timezone, self.now)} ({show_delay(instant, self.now)})"


def state_lines(known: Known) -> list[str]:
    """The last state and its reasons, for any kind; thresholds with values for checks."""
    result = known.result
    lines = [f"{known.target or 'this host'}: {result.state.value}, {known.when(result.finished)}"]
    told = [finding.message for finding in result.outcome.findings if finding.message != result.outcome.summary]
    lines.append(f"  {result.outcome.summary}")
    spec = known.job.spec
    if isinstance(spec, CheckSpec) and result.outcome.looked:
        lines += [f"  {line}" for line in _thresholds(known, spec)]
    else:
        lines += [f"  {message}" for message in told[:_MOST_PROBLEMS]]
    return [*lines, *(f"  {line}" for line in _problems(known))]


def held_in_words(hold: Hold) -> str:
    """What `for:` says, empty when a problem counts at once."""
    if hold.seconds:
        return f"a problem counts when it was seen for {show_duration(hold.seconds)}, in two runs at least"
    return f"a problem counts when it was seen in {hold.runs} runs in a row" if hold.runs > 1 else ""


def _thresholds(known: Known, spec: CheckSpec) -> Iterator[str]:
    rows, wholes = _environments(known, spec)
    for level, expressions in (("critical", spec.rule.critical), ("warning", spec.rule.warning)):
        for expression in expressions:
            yield f"{level} when {in_words(expression)}"
            seen = rows if facts(expression).per_row else wholes
            yield from (f"  {line}" for line in _answers(expression, seen))
    if spec.rule.clear is not None:
        yield f"a problem ends when {in_words(spec.rule.clear)}"
        opened = known.store.memory(known.job.name, known.target)
        lasting = [env for env in rows if opened.open_state(env.series) is not State.OK]
        yield from (f"  {line}" for line in _answers(spec.rule.clear, lasting) if lasting)


def _environments(known: Known, spec: CheckSpec) -> tuple[list[Environment], list[Environment]]:
    """What the thresholds saw in the last run: each row, and each database as a whole."""
    result, rule = known.result, spec.rule
    past = known.store.past(known.job.name, known.target, needs(rule), result.started)
    given = Circumstances(past=past, params=known.params, now=result.started)
    dimensions: dict[str, Dimension] = {column.name: column.dimension for column in result.outcome.columns}
    rows: list[Environment] = []
    wholes: list[Environment] = []
    for database in sorted(result.outcome.looked):
        peers, whole = recorded_environments(rule, result.outcome.observations, database, given, dimensions)
        rows += peers
        wholes.append(whole)
    return rows, wholes


def _answers(expression: Expression, seen: Sequence[Environment]) -> Iterator[str]:
    """Where it is true, where it is not known, and else where it comes nearest."""
    if not seen:
        yield "no: the last run returned no rows"
        return
    found = [(environment, truth(expression, environment)) for environment in seen]
    true = [environment for environment, answer in found if answer is True]
    true.sort(key=lambda environment: size_of(expression, environment), reverse=True)
    unknown = [(environment, answer) for environment, answer in found if isinstance(answer, Unknown)]
    for environment in true[:_MOST]:
        yield f"yes: {_named(environment)}{in_words(expression, environment)}"
    if len(true) > _MOST:
        yield f"yes: {len(true) - _MOST} more"
    for environment, answer in unknown[:_MOST]:
        word = "learning" if answer.learning else "unknown"
        yield f"{word}: {_named(environment)}{answer.reason}"
    if len(unknown) > _MOST:
        yield f"unknown: {len(unknown) - _MOST} more"
    if not true and len(unknown) < len(seen):
        false = [environment for environment, answer in found if answer is False]
        nearest = max(false, key=lambda environment: size_of(expression, environment))
        which = f" (the nearest of {len(false):,})" if len(false) > 1 else ""
        yield f"no: {_named(nearest)}{in_words(expression, nearest)}{which}"


def _named(environment: Environment) -> str:
    return f"{environment.series}: " if str(environment.series) else ""


def _problems(known: Known) -> Iterator[str]:
    problems = known.store.memory(known.job.name, known.target).problems
    opened = sorted((item for item in problems.values() if item.is_open), key=_worst_first)
    waiting = sorted((item for item in problems.values() if not item.is_open), key=_worst_first)
    for problem in opened[:_MOST_PROBLEMS]:
        yield f"open since {known.when(problem.since)}: {_key(problem.series)}{problem.state.value}, {problem.message}"
    if len(opened) > _MOST_PROBLEMS:
        yield f"open: {len(opened) - _MOST_PROBLEMS} more"
    for problem in waiting[:_MOST_PROBLEMS]:
        yield f"pending since {known.when(problem.since)}: {_key(problem.series)}{_waits(known.job.hold, problem)}"
    if len(waiting) > _MOST_PROBLEMS:
        yield f"pending: {len(waiting) - _MOST_PROBLEMS} more"


def _worst_first(problem: Problem) -> tuple[int, datetime, Series]:
    return -problem.state.rank, problem.since, problem.series


def _waits(hold: Hold, problem: Problem) -> str:
    if hold.seconds:
        return f"{problem.state.value}, has to last {show_duration(hold.seconds)}"
    return f"{problem.state.value}, seen in {problem.count} of {hold.runs} runs"


def _key(series: Series) -> str:
    return f"{series} is " if str(series) else ""
