"""`runner test`: the `tests:` blocks of checks, judged as real rows would be, without a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from runner.api import Job, Memory, Node, Past, Rows, Series, Span, State, plain
from runner.clock import Clock
from runner.engine.track import track
from runner.errors import RunnerError
from runner.judge import needs
from runner.kinds.check.outcome import Looked, evaluate
from runner.kinds.check.spec import CheckSpec
from runner.model.history import Form, HistoryNeed, Sample
from runner.model.node import MappingNode, SequenceNode
from runner.model.quantity import parse_duration
from runner.model.result import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test of one check, and where it stands."""

    job: Job
    name: str
    span: Span
    node: MappingNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a test expected and got; `complaints` is empty when they agree."""

    case: Case
    complaints: tuple[str, ...] = ()


def cases(jobs: Sequence[Job]) -> tuple[Case, ...]:
    """The tests of all checks among the jobs; a test that several jobs share through `use:` runs for each."""
    return tuple(case for job in jobs if isinstance(job.spec, CheckSpec) for case in _cases_of(job))


def _cases_of(job: Job) -> Iterator[Case]:
    tests = job.documented.get("tests")
    items = tests.items if isinstance(tests, SequenceNode) and not _is_changed(job, tests) else ()
    for number, item in enumerate(items, start=1):
        if isinstance(item, MappingNode):
            yield Case(job=job, name=str(plain(item.get("name")) or f"test {number}"), span=item.span, node=item)


_JUDGES = ("sql", "probe", "key", "columns", "params", "computed", "warning", "critical", "clear", "on_null", "except")


def _is_changed(job: Job, tests: SequenceNode) -> bool:
    """Whether tests that come from the catalogue are about other numbers than this job's own."""
    here = job.span.file
    return tests.span.file != here and any(job.origins[key].file == here for key in _JUDGES if key in job.origins)


def run_case(case: Case, clock: Clock) -> Verdict:
    """Judges the rows of a test after its history, as so many runs one after the other."""
    try:
        outcome = _outcome(case, clock.now())
    except RunnerError as error:
        return Verdict(case=case, complaints=(error.message,))
    return Verdict(case=case, complaints=tuple(_compare(case, outcome)))


def _outcome(case: Case, now: datetime) -> Outcome:
    spec, job = cast("CheckSpec", case.job.spec), case.job
    params = {**job.params, **cast("dict[str, Any]", plain(case.node.get("params")) or {})}
    memory = Memory()
    samples: dict[Series, list[tuple[datetime, Mapping[str, object]]]] = {}
    outcome = Outcome(summary="")
    for at, rows in _runs(case.node, now):
        past = _past(needs(spec.rule), samples, at)
        looked = Looked(tables={"": _table(rows, spec)})
        outcome = evaluate(spec, looked, past=past, memory=memory, params=params, now=at, target="test")
        tracked = track(job, "test", outcome, memory, at, frozenset(samples))
        outcome, memory = tracked.outcome, tracked.memory
        for seen in outcome.observations:
            samples.setdefault(seen.series, []).append((at, seen.values))
    return outcome


def _runs(node: MappingNode, now: datetime) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    for item in cast("list[dict[str, Any]]", plain(node.get("history")) or []):
        yield now - timedelta(seconds=parse_duration(str(item["ago"]))), item["rows"]
    yield now, cast("list[dict[str, Any]]", plain(node.get("rows")) or [])


def _table(rows: Sequence[Mapping[str, Any]], spec: CheckSpec) -> Rows:
    """The rows with every column that any of them has; without rows the key columns are there all the same."""
    names = dict.fromkeys([*(() if rows else spec.rule.key), *(name for row in rows for name in row)])
    return Rows(columns=tuple(names), rows=tuple(tuple(row.get(name) for name in names) for row in rows))


def _past(
    wanted: frozenset[HistoryNeed],
    samples: Mapping[Series, Sequence[tuple[datetime, Mapping[str, Any]]]],
    now: datetime,
) -> Past:
    found = {
        series: {
            need: _of_need(need, [Sample(at, values.get(need.column)) for at, values in seen], now) for need in wanted
        }
        for series, seen in samples.items()
    }
    return Past(found)


def _of_need(need: HistoryNeed, seen: Sequence[Sample], now: datetime) -> tuple[Sample, ...]:
    """As the store answers: the last, the nearest within a quarter of the span, or all within it."""
    if not seen:
        return ()
    if need.form is Form.PREVIOUS:
        return (seen[-1],)
    start = now - timedelta(seconds=need.span)
    if need.form is Form.WINDOW:
        return tuple(sample for sample in seen if start <= sample.at < now)
    nearest = min(seen, key=lambda sample: abs((sample.at - start).total_seconds()))
    return (nearest,) if abs((nearest.at - start).total_seconds()) <= need.span / 4 else ()


def _compare(case: Case, outcome: Outcome) -> Iterator[str]:
    expected: Any = plain(cast("Node", case.node.get("expect")))
    if isinstance(expected, str):
        expected = {"state": expected}
    if "state" in expected and outcome.state.value != expected["state"]:
        yield f"the state is {outcome.state.value}, expected {expected['state']}{_reasons(outcome)}"
    keys_matter = any(state.value in expected for state in State)
    for state in (State.WARNING, State.CRITICAL, State.UNKNOWN, State.LEARNING) if keys_matter else ():
        found = sorted({_name(finding.series) for finding in outcome.findings if finding.state is state})
        wanted = sorted(map(str, expected.get(state.value, [])))
        if found != wanted:
            yield f"{state.value} is {_listed(found)}, expected {_listed(wanted)}{_reasons(outcome)}"
    messages = [finding.message for finding in outcome.findings]
    if "message" in expected and expected["message"] not in messages:
        yield f"no finding says `{expected['message']}`; they say {_listed(messages)}"
    if "summary" in expected and expected["summary"] != outcome.summary:
        yield f"the summary is `{outcome.summary}`, expected `{expected['summary']}`"


def _name(series: Series) -> str:
    return ".".join(series.key) or "(all)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "nothing"


def _reasons(outcome: Outcome) -> str:
    reasons = {finding.reason for finding in outcome.findings if finding.reason}
    return f" ({'; '.join(sorted(reasons))})" if reasons else ""
