"""The last known state of every job as a report, so that every format can write it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from runner.api import Fault, Report, Result, Target, TargetInfo
from runner.app.loading import Loaded
from runner.app.status import Status
from runner.report.silence import muted


def report_of(known: Status, loaded: Loaded, now: datetime, targets: Collection[str] | None = None) -> Report:
    """One report of all groups, of these targets alone when they are given; jobs that are overdue or never ran are faults, since nobody knows how they are."""
    made = Report(
        id=f"status-{now:%Y%m%dT%H%M%SZ}",
        group="status",
        title="Last known state",
        slot=now,
        created=now,
        targets=tuple(
            TargetInfo(name=target.name, address=target.address, labels=target.labels)
            for target in loaded.home.targets.values()
            if targets is None or target.name in targets
        ),
        faults=tuple(_faults(known)),
    )
    return replace(made, results=tuple(_result(item, made, known, loaded) for item in known.results))


def _result(result: Result, report: Report, known: Status, loaded: Loaded) -> Result:
    """Without what had changed when it ran, and with who knows of it or is silent about it now."""
    findings = tuple(
        replace(item, acknowledged=known.acknowledged.get((result.job, result.target, item.series)))
        for item in result.outcome.findings
    )
    shown = replace(result, outcome=replace(result.outcome, findings=findings), transitions=())
    target = loaded.home.targets.get(result.target) or Target(name=result.target, options={})
    return muted(shown, report, target, known.silences, loaded.home.settings.windows)


def _faults(known: Status) -> Iterator[Fault]:
    for places, words, hint in (
        (known.overdue, "overdue: nobody calls run-due", "runner crontab show prints what cron needs"),
        (known.never_ran, "not run yet", ""),
    ):
        if places:
            names = ", ".join(sorted({job for job, _ in places})[:5])
            more = ", …" if len(places) > 5 else ""
            yield Fault(where="schedule", message=f"{len(places)} jobs are {words} ({names}{more})", hint=hint)
