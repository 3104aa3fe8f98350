"""Reports, results, findings and all else that a plugin's tests need, with defaults that make sense."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from runner.api import (
    Change,
    Delivery,
    Fault,
    Finding,
    Job,
    Outcome,
    Report,
    Result,
    Sample,
    Series,
    State,
    Target,
    TargetInfo,
    Transition,
    Trend,
    skipped,
)

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
"""The slot of everything that is built."""


def finding(
    state: State | str = State.CRITICAL, message: str = "", *key: str, database: str = "", **changes: Any
) -> Finding:
    """A row that is not ok. `key` are the texts that identify it; `changes` are further fields of Finding."""
    said = message or f"{'.'.join(key) or 'something'} is {State(state).value}"
    return replace(Finding(state=State(state), message=said, series=Series(database, key), since=NOW), **changes)


def result(
    job: str = "dead-rows",
    state: State | str = State.OK,
    *findings: Finding,
    target: str = "main",
    summary: str = "",
    outcome: Outcome | None = None,
    **changes: Any,
) -> Result:
    """The result of one run in this state; without `findings` a problem has one, and a skipped run a reason."""
    made = Result(
        run=f"{job}@{target}", job=job, kind="check", group="health", title=job.replace("-", " ").capitalize(),
        target=target, slot=NOW, started=NOW + timedelta(seconds=1), finished=NOW + timedelta(seconds=2),
        outcome=outcome or _outcome(State(state), findings, summary),
    )  # fmt: skip
    return replace(made, **changes)


def _outcome(state: State, findings: tuple[Finding, ...], summary: str) -> Outcome:
    if state is State.SKIPPED:
        return skipped(summary or "it does not apply here")
    if not findings and state is not State.OK:
        findings = (finding(state),)
    return Outcome(summary=summary or f"{len(findings)} of 214 rows over their limit", findings=findings)


def report(*results: Result, **changes: Any) -> Report:
    """The report of one group; the targets of its results are among its targets."""
    names = dict.fromkeys(item.target for item in results)
    made = Report(
        id="health-20260105T030000Z-0a1b2c3d4e", group="health", title="Daily health check", slot=NOW,
        created=NOW + timedelta(seconds=3), results=results, next_slot=NOW + timedelta(days=1),
        targets=tuple(target_info(name) for name in names if name),
    )  # fmt: skip
    return replace(made, **changes)


def target_info(name: str = "main", **changes: Any) -> TargetInfo:
    """A target as reports name it."""
    made = TargetInfo(
        name=name, address=f"{name}.example:5432/app", version="17.2", role="primary", labels={"env": "prod"}
    )
    return replace(made, **changes)


def transition(
    job: str = "dead-rows",
    change: Change | str = Change.OPENED,
    *key: str,
    before: State | str | None = None,
    after: State | str | None = None,
    hours: float = 0.0,
    **changes: Any,
) -> Transition:
    """A problem that opened, worsened, eased or recovered at NOW after so many hours."""
    usual = _USUAL[Change(change)]
    made = Transition(
        job=job, target="main", series=Series("", key), before=State(before or usual[0]), after=State(after or usual[1]),
        change=Change(change), at=NOW, since=NOW - timedelta(hours=hours), message=f"{'.'.join(key) or job} changed",
    )  # fmt: skip
    return replace(made, **changes)


_USUAL = {
    Change.OPENED: (State.OK, State.CRITICAL),
    Change.WORSENED: (State.WARNING, State.CRITICAL),
    Change.EASED: (State.CRITICAL, State.WARNING),
    Change.RECOVERED: (State.CRITICAL, State.OK),
}


def trend(column: str, values: Iterable[float], *key: str) -> Trend:
    """A column's course, one value a day, the last at NOW."""
    numbers = list(values)
    start = NOW - timedelta(days=len(numbers) - 1)
    samples = tuple(Sample(start + timedelta(days=day), value) for day, value in enumerate(numbers))
    return Trend(column=column, series=Series("", key), samples=samples)


def job(name: str = "dead-rows", kind: str = "check", spec: object = None, **changes: Any) -> Job:
    """A job as kinds are handed it; `spec` is what the kind's `read` made."""
    made = Job(name=name, kind=kind, group="health", title=name.replace("-", " ").capitalize(), spec=spec)
    return replace(made, **changes)


def target(name: str = "main", **options: Any) -> Target:
    """A target as probes and kinds are handed it; `options` are libpq's keywords."""
    return Target(name=name, options={"host": "localhost", "dbname": "app", **options}, labels={"env": "prod"})


def delivery(of: Report | None = None, sink: str = "receiver", **changes: Any) -> Delivery:
    """A delivery as `runner_delivery_finished` is told of it."""
    made = of or report(result())
    return replace(Delivery(id=f"{made.id}:{sink}", report=made, sink=sink), **changes)


def fault(where: str = "plugin acme", message: str = "cannot be imported: ImportError: no acme") -> Fault:
    """A failure of the machinery, as reports name it."""
    return Fault(where=where, message=message, hint="pip install acme")
