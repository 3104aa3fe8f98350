"""`runner test`: the `tests:` blocks of checks, run after run, with rows that are given or on a throw-away server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from runner.api import Job, Memory, Outcome, RunnerError, Series, Span, State, Target
from runner.app.loading import Loaded
from runner.app.rehearse import Ground, look, prepare
from runner.app.remembered import Remembered
from runner.clock import Clock
from runner.engine.tick import SERIES_MEMORY
from runner.engine.track import track
from runner.kinds.check.cases import CaseTick, CheckCase, read_cases
from runner.kinds.check.outcome import UNWRITABLE, Looked, evaluate
from runner.kinds.check.spec import CheckSpec
from runner.model.node import Node, SequenceNode
from runner.model.query import Rows
from runner.records import dataclass
from runner.schedule import period

NEEDS_DATABASE = "needs --database"
_STEP = timedelta(minutes=1)
_KEYED = (State.WARNING, State.CRITICAL, State.UNKNOWN, State.LEARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test of one check, and where it stands."""

    job: Job
    check: CheckCase

    @property
    def name(self) -> str:
        return self.check.name

    @property
    def span(self) -> Span:
        return self.check.span


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a test expected and got; `complaints` is empty when they agree. `not_run` says why it was not run."""

    case: Case
    complaints: tuple[str, ...] = ()
    not_run: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.complaints and not self.not_run


def cases(jobs: Sequence[Job]) -> tuple[Case, ...]:
    """The tests of all checks among the jobs; a test that several jobs share through `use:` runs for each."""
    return tuple(
        Case(job=job, check=check)
        for job in jobs
        if isinstance(job.spec, CheckSpec) and not _is_changed(job)
        for check in read_cases(cast("Node | None", job.documented.get("tests")))
    )


_JUDGES = ("sql", "probe", "key", "columns", "params", "computed", "warning", "critical", "clear", "on_null", "except")


def _is_changed(job: Job) -> bool:
    """Whether tests that come from the catalogue are about other numbers than this job's own."""
    here, tests = job.span.file, job.documented.get("tests")
    foreign = isinstance(tests, SequenceNode) and tests.span.file != here
    return foreign and any(job.origins[key].file == here for key in _JUDGES if key in job.origins)


def run_case(case: Case, loaded: Loaded, clock: Clock, ground: Ground | None = None) -> Verdict:
    """Runs the ticks of a test one after the other; one with `given:` only when there is a server for it."""
    if case.check.needs_database and ground is None:
        return Verdict(case=case, not_run=NEEDS_DATABASE)
    start = clock.elapsed()
    try:
        with ExitStack() as stack:
            target = stack.enter_context(ground.fresh()) if ground and case.check.needs_database else None
            complaints = tuple(_Rehearsal(case, loaded, target).complaints(clock.now()))
    except RunnerError as error:
        complaints = (f"{error.message} ({error.hint})" if error.hint else error.message,)
    return Verdict(case=case, complaints=complaints, seconds=clock.elapsed() - start)


class _Rehearsal:
    """What is remembered between the ticks of one test."""

    def __init__(self, case: Case, loaded: Loaded, target: Target | None) -> None:
        self._job, self._check, self._loaded, self._target = case.job, case.check, loaded, target
        self._params = {**case.job.params, **case.check.params}
        self._remembered = Remembered()
        self._memory = Memory()

    def complaints(self, now: datetime) -> Iterator[str]:
        """What each tick that expects something did not find."""
        several = sum(bool(tick.expect) for tick in self._check.ticks) > 1
        if self._target:
            prepare(self._target, self._check.given)
        for number, (at, tick) in enumerate(self._schedule(now), start=1):
            outcome = self._run(tick, at)
            where = f"run {number}: " if several else ""
            yield from (f"{where}{complaint}" for complaint in _compare(tick.expect, outcome))

    def _schedule(self, now: datetime) -> list[tuple[datetime, CaseTick]]:
        step = timedelta(seconds=period(self._job.schedule)) if self._job.schedule else _STEP
        found: list[tuple[datetime, CaseTick]] = []
        for tick in self._check.ticks:
            before = found[-1][0] if found else None
            at = tick.instant(now, found[0][0] if found else None, before, step)
            if before is not None and at <= before:
                raise RunnerError(f"run {len(found) + 1} is not after the run before it: the oldest stands first")
            found.append((at, tick))
        return found

    def _run(self, tick: CaseTick, at: datetime) -> Outcome:
        tracked = track(
            self._job, "test", self._outcome(tick, at), self._memory, at, self._remembered.series(at - SERIES_MEMORY)
        )
        self._memory = tracked.memory
        self._remembered.add(at, tracked.outcome.observations)
        return tracked.outcome

    def _outcome(self, tick: CaseTick, at: datetime) -> Outcome:
        if self._target:
            prepare(self._target, tick.given)
            if tick.rows is None:
                return look(
                    self._loaded, self._job, self._target, remembered=self._remembered, memory=self._memory,
                    params=self._params, now=at,
                )  # fmt: skip
        spec = cast("CheckSpec", self._job.spec)
        database = self._database()
        outcome = evaluate(
            spec, Looked(tables={database: _table(tick.rows or (), spec)}), past=self._remembered.past(at),
            memory=self._memory, params=self._params, now=at, target="test",
        )  # fmt: skip
        return replace(outcome, looked=outcome.looked | {database})

    def _database(self) -> str:
        """Rows that are given belong to the database that the check's own query visits."""
        visits = self._target is not None and self._job.scope.value == "database"
        return str(self._target.options["dbname"]) if self._target and visits else ""


def _table(rows: Sequence[Mapping[str, Any]], spec: CheckSpec) -> Rows:
    """The rows with every column that any of them has; without rows the key columns are there all the same."""
    names = dict.fromkeys([*(() if rows else spec.rule.key), *(name for row in rows for name in row)])
    return Rows(columns=tuple(names), rows=tuple(tuple(row.get(name) for name in names) for row in rows))


def _compare(expected: Mapping[str, Any], outcome: Outcome) -> Iterator[str]:
    why = _reasons(outcome)
    yield from (note for note in outcome.notes if UNWRITABLE in note)
    if "state" in expected and outcome.state.value != expected["state"]:
        yield f"the state is {outcome.state.value}, expected {expected['state']}{why}"
    keyed = "pending" in expected or any(state.value in expected for state in State)
    wanted = {state.value: expected.get(state.value, []) for state in _KEYED} if keyed else {}
    for name, keys in {**wanted, **({"pending": expected.get("pending", [])} if keyed else {})}.items():
        found = sorted({_name(item.series) for item in outcome.findings if name == _group(item.pending, item.state)})
        if found != sorted(map(str, keys)):
            yield f"{name} is {_listed(found)}, expected {_listed(sorted(map(str, keys)))}{why}"
    messages = [finding.message for finding in outcome.findings]
    if "message" in expected and expected["message"] not in messages:
        yield f"no finding says `{expected['message']}`; they say {_listed(messages)}"
    if "messages" in expected and sorted(expected["messages"]) != sorted(messages):
        yield f"the findings say {_quoted(messages)}, expected {_quoted(expected['messages'])}"
    hints = [finding.hint for finding in outcome.findings if finding.hint]
    if "hint" in expected and expected["hint"] not in hints:
        yield f"no hint says `{expected['hint']}`; they say {_listed(hints)}"
    if "summary" in expected and expected["summary"] != outcome.summary:
        yield f"the summary is `{outcome.summary}`, expected `{expected['summary']}`"


def _group(pending: bool, state: State) -> str:
    return "pending" if pending else state.value


def _name(series: Series) -> str:
    return ".".join(series.key) or "(all)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "nothing"


def _quoted(messages: Sequence[str]) -> str:
    return ", ".join(f"`{message}`" for message in messages) if messages else "nothing"


def _reasons(outcome: Outcome) -> str:
    reasons = {finding.reason for finding in outcome.findings if finding.reason}
    return f" ({'; '.join(sorted(reasons))})" if reasons else ""
