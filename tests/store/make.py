"""Claims, results and observations for tests of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from runner.model.history import Number, Series
from runner.model.problem import Problem, Transition
from runner.model.report import Delivery, Report
from runner.model.result import Finding, Observation, Outcome, Result
from runner.model.state import State
from runner.store.base import Claim, Recorded, Store

T0 = datetime(2027, 1, 1, tzinfo=UTC)


def hours(number: float) -> datetime:
    return T0 + timedelta(hours=number)


def make_claim(
    run: str, at: datetime = T0, *, job: str = "j", target: str = "t", attempt: int = 1, kind: str = "check"
) -> Claim:
    return Claim(
        run=run, job=job, kind=kind, group="g", target=target, slot=at, tick="tick", now=at, digest="d", attempt=attempt
    )  # fmt: skip


def observed(rows: Mapping[Series, Mapping[str, Number]]) -> tuple[Observation, ...]:
    return tuple(Observation(series=series, values=values) for series, values in rows.items())


def make_result(
    run: str,
    at: datetime = T0,
    *,
    job: str = "j",
    target: str = "t",
    kind: str = "check",
    observations: tuple[Observation, ...] = (),
    state: State = State.OK,
    transitions: tuple[Transition, ...] = (),
) -> Result:
    findings = () if state is State.OK else (Finding(state=state, message="m"),)
    outcome = Outcome(summary=f"summary of {run}", findings=findings, observations=observations)
    return Result(
        run=run, job=job, kind=kind, group="g", title="T", target=target, slot=at, started=at,
        finished=at + timedelta(seconds=2), outcome=outcome, transitions=transitions,
    )  # fmt: skip


def make_report(name: str, results: Iterable[Result], at: datetime = T0) -> Report:
    return Report(id=name, group="g", title="G", slot=at, created=at, results=tuple(results))


def finish(store: Store, result: Result, problems: Iterable[Problem] = ()) -> None:
    """Claims and records a result, without a report."""
    claim = make_claim(result.run, result.slot, job=result.job, target=result.target, kind=result.kind)
    assert store.claim(claim)
    store.record(
        [Recorded(result=result, problems={problem.series: problem for problem in problems})],
        report=None,
        deliveries=[],
        now=result.finished,
    )


def waiting(store: Store) -> tuple[Delivery, ...]:
    """What waits, with its reports."""
    return tuple(item.with_report(store.report(item.report)) for item in store.pending())


def measure(store: Store, run: str, at: datetime, rows: Mapping[Series, Mapping[str, Number]], **names: str) -> None:
    finish(store, make_result(run, at, observations=observed(rows), **names))  # type: ignore[arg-type]
