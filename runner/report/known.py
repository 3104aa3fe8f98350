"""What a sink and the operators know of problems: what was told, what is worth telling, what is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from runner.model.home import Send
from runner.model.problem import Acknowledgement, Announced, Change, Identity, Transition
from runner.model.report import Report, Told
from runner.model.result import Finding, Result
from runner.model.state import State


def still_known(result: Result, announced: Announced | None) -> Result:
    """The result without recoveries of problems that the sink was never told of."""
    if announced is None:
        return result
    kept = tuple(item for item in result.transitions if not _is_recovery(item) or item.identity in announced)
    return result if kept == result.transitions else replace(result, transitions=kept)


def first_told(result: Result, sends: Sequence[Send], announced: Announced | None) -> bool:
    """Whether a problem is open that the sink wants to hear of and was not told of."""
    if announced is None:
        return False
    every = "problems" in sends or "changes" in sends
    return any(
        identity(result, item) not in announced
        for item in result.outcome.findings
        if item.is_open and (every or item.state.value in sends)
    )


def told_by(report: Report, parts: Iterable[Result], announced: Announced | None) -> Told:
    """What a sink knows once it has taken these parts of the report; what recovered is not open for anybody."""
    found: dict[Identity, State] = {}
    for part in parts:
        for item in part.outcome.findings:
            place = identity(part, item)
            if item.is_open and (place not in found or item.state.rank > found[place].rank):
                found[place] = item.state
    over = (item.identity for item in report.transitions if _is_recovery(item))
    known = frozenset(place for place in over if announced is None or place in announced)
    return Told(open=found, over=known - found.keys())


def after(announced: Announced, told: Told) -> Announced:
    """What the sink knows after it was told this too."""
    kept = {place: state for place, state in announced.items() if place not in told.over}
    return {**kept, **told.open}


def with_acknowledged(report: Report, known: Mapping[Identity, Acknowledgement]) -> Report:
    """The report with what is acknowledged at its time written to its open findings."""
    if not known:
        return report
    results = tuple(_with_acknowledged(result, known, report.created) for result in report.results)
    return report if results == report.results else replace(report, results=results)


def identity(result: Result, finding: Finding) -> Identity:
    """The identity of the problem that the finding is."""
    return (result.job, result.target, finding.series)


def _with_acknowledged(result: Result, known: Mapping[Identity, Acknowledgement], at: datetime) -> Result:
    def marked(item: Finding) -> Finding:
        found = known.get(identity(result, item)) if item.is_open else None
        holds = found is not None and (found.until is None or found.until > at)
        return replace(item, acknowledged=found) if holds else item

    findings = tuple(map(marked, result.outcome.findings))
    if findings == result.outcome.findings:
        return result
    return result.with_outcome(replace(result.outcome, findings=findings))


def _is_recovery(item: Transition) -> bool:
    return item.change is Change.RECOVERED
