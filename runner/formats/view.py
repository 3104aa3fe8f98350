"""A report in the order in which somebody reads it at night: what templates of reports are handed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product

from runner.formats.course import TRENDS, Course, bars_of, courses_of, trend_line
from runner.formats.layout import more_lines, table_lines
from runner.model.problem import Acknowledgement, Change, Transition
from runner.model.quantity import show_duration
from runner.model.report import Report, TargetInfo
from runner.model.result import Finding, Result
from runner.model.state import State
from runner.records import dataclass
from runner.template import clean, show_time

_WORST_FIRST = (State.CRITICAL, State.UNKNOWN, State.WARNING)
_NEVER_MERGED = frozenset({"CRITICAL", "WARNING"})
_NAME, _TEXT = 80, 300
_FEW = 5
"""Up to how many findings without a verdict are shown one by one."""
_SAME = 3
"""From how many jobs on the same words are said once."""
_COUNTED = (*_WORST_FIRST, State.LEARNING, State.OK, State.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: state word, job, where (empty when there is only one place), text, and what stands below it."""

    state: str
    job: str
    where: str = ""
    text: str = ""
    trend: str = ""
    details: tuple[str, ...] = ()
    acknowledged: str = ""
    """Who knows of the problem until when, and why; it is among the details too."""
    since: str = ""
    """Since when the problem lasts, or that it is new; it ends the text too."""
    courses: tuple[Course, ...] = ()
    """The trends of the job, below its first problem or beside what is fine."""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A table as lines of text, and as cells; `more` rows are not shown."""

    title: str
    lines: tuple[str, ...]
    columns: tuple[str, ...] = ()
    numeric: tuple[bool, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    more: int = 0


class View:
    """Everything that a report's template prints, cleaned; `rows` bounds tables and findings of one job."""

    def __init__(self, report: Report, rows: int = 20) -> None:
        self.report = report
        self._rows = rows
        self._many_targets = len({result.target for result in report.results}) > 1

    def context(self) -> Mapping[str, object]:
        """The variables of the template, as docs/reports.md lists them."""
        report = self.report
        return {
            "state": report.state.value if report.results else "unknown",
            "title": clean(report.title or report.group, limit=_TEXT),
            "group": clean(report.group, limit=_NAME),
            "slot": show_time(report.slot),
            "counts": self.counts(),
            "targets": self.targets(),
            "problems": list(self.problems()),
            "recovered": list(self.recovered()),
            "tables": list(self.tables()),
            "fine": list(self.fine()),
            "skipped": list(self.skipped()),
            "notes": list(self.notes()),
            "faults": list(self.faults()),
            "took": self.took(),
            "next": show_time(report.next_slot) if report.next_slot else "",
            "report": report,
        }

    def targets(self) -> list[tuple[str, ...]]:
        """Name, address, version, role and labels of each target."""
        return [_target(info) for info in self.report.targets]

    def counts(self) -> str:
        """`1 critical, 14 ok`: results by state, then acknowledged problems, recoveries and faults."""
        states = Counter(result.state for result in self.report.results)
        parts = [f"{states[state]:,} {state.value}" for state in _COUNTED if states[state]] or ["no results"]
        known = sum(item.acknowledged is not None for result in self.report.results for item in result.outcome.findings)
        parts += [f"{known:,} acknowledged"] if known else []
        recovered = sum(item.change is Change.RECOVERED for item in self.report.transitions)
        parts += [f"{recovered:,} recovered"] if recovered else []
        faults = len(self.report.faults)
        parts += [f"{faults} fault{'s' if faults > 1 else ''}"] if faults else []
        return ", ".join(parts)

    def problems(self) -> Iterator[Line]:
        """One line per finding, the worst first and what is acknowledged after the others in its state.

        Hints stand below, and once below each job its trends and runbook.
        """
        return _merged(self._problems())

    def _problems(self) -> Iterator[Line]:
        yield from self._statements()
        seen: set[int] = set()
        for state, known in product(_WORST_FIRST, (False, True)):
            for number, result in enumerate(self.report.results):
                wanted = (state, False, known)
                found = [
                    item
                    for item in result.outcome.findings
                    if (item.state, item.pending, item.acknowledged is not None) == wanted
                ]
                if found:
                    yield from self._block(result, found, first=number not in seen)
                    seen.add(number)

    def _statements(self) -> Iterator[Line]:
        """What a job that acts says of its work as a whole, before its single findings."""
        for result in self.report.results:
            summary = clean(result.outcome.summary, limit=_TEXT)
            told = {clean(item.message, limit=_TEXT) for item in result.outcome.findings}
            if result.kind != "check" and result.state.is_problem and summary not in told:
                yield Line(
                    state=result.state.value.upper(),
                    job=clean(result.job, limit=_NAME),
                    where=self._where(result, ""),
                    text=summary,
                    target=result.target,
                )

    def _block(self, result: Result, findings: Sequence[Finding], *, first: bool) -> Iterator[Line]:
        changes = {item.series: item for item in result.transitions}
        shown = findings[: self._rows]
        below = more_lines(len(findings) - len(shown), "findings")
        courses = courses_of(result) if first else ()
        if first:
            below += [trend_line(result, trend) for trend in result.outcome.trends[:TRENDS]]
            below += _labelled(runbook=result.runbook)
        for finding, following in zip(shown, [*shown[1:], None], strict=True):
            since = _since(finding, changes.get(finding.series), self.report.created)
            known = _acknowledged(finding.acknowledged) if finding.acknowledged else ""
            yield Line(
                state=finding.state.value.upper(),
                job=clean(result.job, limit=_NAME),
                where=self._where(result, finding.series.database),
                text=clean(finding.message, limit=_TEXT) + (f" ({since})" if since else ""),
                details=(
                    *([known] if known else []),
                    *_hint(result, finding, following),
                    *(below if following is None else ()),
                ),
                acknowledged=known,
                since=since,
                courses=courses if finding is findings[0] else (),
                target=result.target,
            )

    def recovered(self) -> Iterator[Line]:
        return _merged(self._recovered())

    def _recovered(self) -> Iterator[Line]:
        for result in self.report.results:
            for item in result.transitions:
                if item.change is Change.RECOVERED:
                    lasted = show_duration(max((item.at - item.since).total_seconds(), 0.0))
                    what = clean(item.message, limit=_TEXT) or clean(str(item.series), limit=_NAME) or "well again"
                    yield Line(
                        state="recovered",
                        job=clean(result.job, limit=_NAME),
                        where=self._where(result, item.series.database),
                        text=f"{what} (was {item.before.value} for {lasted})",
                    )

    def tables(self) -> Iterator[TableView]:
        for result in self.report.results:
            where = self._where(result, "")
            for table in result.outcome.tables:
                if table.columns:
                    source = ", ".join(part for part in (clean(result.job, limit=_NAME), where) if part)
                    title = clean(table.title, limit=_NAME)
                    lines = table_lines(table, self._rows)
                    # A lone column that is named like its table needs no head of its own.
                    headless = table.columns == (table.title,)
                    yield TableView(
                        title=f"{title} ({source})" if title else source,
                        lines=tuple(lines[2:] if headless else lines),
                        columns=tuple(clean(name, limit=_NAME) for name in table.columns),
                        numeric=tuple(name in table.numeric for name in table.columns),
                        rows=tuple(tuple(clean(cell, limit=_TEXT) for cell in row) for row in table.rows[: self._rows]),
                        more=max(len(table.rows) - self._rows, 0) + table.more,
                    )

    def fine(self) -> Iterator[Line]:
        for result in self.report.results:
            if result.state is State.OK:
                trend = next(iter(result.outcome.trends), None)
                yield Line(
                    state="ok",
                    job=clean(result.job, limit=_NAME),
                    where=self._where(result, ""),
                    text=clean(result.outcome.summary, limit=_TEXT),
                    trend=bars_of(trend) if trend else "",
                    courses=courses_of(result),
                )

    def skipped(self) -> Iterator[Line]:
        """What was not judged: findings that wait for their `for:`, what has no history yet, what does not apply."""
        return _merged(self._skipped())

    def _skipped(self) -> Iterator[Line]:
        for result in self.report.results:
            pending = [item for item in result.outcome.findings if item.pending]
            learning = [item for item in result.outcome.findings if item.state is State.LEARNING and not item.pending]
            yield from self._undecided("pending", result, pending)
            yield from self._undecided("learning", result, learning)
            if result.state is State.SKIPPED:
                yield self._plain("skipped", result, result.outcome.skipped)

    def _undecided(self, word: str, result: Result, findings: Sequence[Finding]) -> Iterator[Line]:
        trends = {trend.series: trend for trend in result.outcome.trends}
        shown = findings if len(findings) <= _FEW else findings[:1]
        rest = f" (and {len(findings) - 1:,} more)" if len(findings) > _FEW else ""
        for finding in shown:
            trend = trends.get(finding.series)
            yield Line(
                state=word,
                job=clean(result.job, limit=_NAME),
                where=self._where(result, finding.series.database),
                text=clean(finding.message, limit=_TEXT) + rest,
                trend=bars_of(trend) if trend else "",
            )

    def notes(self) -> Iterator[Line]:
        return _merged(self._notes())

    def _notes(self) -> Iterator[Line]:
        for result in self.report.results:
            for note in result.outcome.notes:
                yield self._plain("note", result, note)

    def faults(self) -> Iterator[Line]:
        for fault in self.report.faults:
            yield Line(
                state="FAULT",
                job=clean(fault.where, limit=_NAME),
                text=clean(fault.message, limit=_TEXT),
                details=_labelled(hint=fault.hint),
            )

    def took(self) -> str:
        """From the first start to the last end, empty without results."""
        results = self.report.results
        if not results:
            return ""
        spent = max(item.finished for item in results) - min(item.started for item in results)
        return show_duration(max(spent.total_seconds(), 0.0))

    def _plain(self, word: str, result: Result, text: str) -> Line:
        return Line(
            state=word, job=clean(result.job, limit=_NAME), where=self._where(result, ""), text=clean(text, limit=_TEXT)
        )

    def _where(self, result: Result, database: str) -> str:
        target = (result.target or "(host)") if self._many_targets else ""
        return clean("/".join(part for part in (target, database) if part), limit=_NAME)


def _merged(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines of several jobs that say the same, such as that the server is down, become one."""
    groups: dict[tuple[str, ...], list[Line]] = {}
    for number, line in enumerate(lines):
        alone = str(number) if line.state in _NEVER_MERGED else ""
        groups.setdefault((line.state, line.where, line.text, line.acknowledged, alone), []).append(line)
    for group in groups.values():
        jobs = list(dict.fromkeys(line.job for line in group))
        if len(jobs) < _SAME:
            yield from group
        else:
            names = clean(f"jobs: {', '.join(jobs)}", limit=_TEXT)
            alike = group[0].details if len({line.details for line in group}) == 1 else ()
            yield replace(group[0], job=f"{len(jobs)} jobs", details=(names, *alike))


def _target(info: TargetInfo) -> tuple[str, ...]:
    labels = [f"{key}={value}" for key, value in sorted(info.labels.items()) if (key, value) != ("role", info.role)]
    version = f"PostgreSQL {info.version}" if info.version[:1].isdigit() else info.version
    return tuple(
        clean(part, limit=_NAME) for part in (info.name or "(host)", info.address, version, info.role, " ".join(labels))
    )


def _acknowledged(known: Acknowledgement) -> str:
    until = f" until {show_time(known.until)}" if known.until else ""
    reason = f": {clean(known.reason, limit=_TEXT)}" if known.reason else ""
    return f"acknowledged by {clean(known.author, limit=_NAME)}{until}{reason}"


def _labelled(**texts: str) -> tuple[str, ...]:
    return tuple(f"{label}: {clean(text, limit=_TEXT)}" for label, text in texts.items() if text)


def _hint(result: Result, finding: Finding, following: Finding | None) -> tuple[str, ...]:
    """The finding's own hint, or its job's; findings in a row that share one have it below the last."""

    def of(item: Finding) -> str:
        # The job's hint mends what it looks for, not that it could not look.
        return item.hint or ("" if item.state is State.UNKNOWN else result.hint)

    shared = following is not None and of(following) == of(finding)
    return () if shared else _labelled(hint=of(finding))


def _since(finding: Finding, change: Transition | None, now: datetime) -> str:
    if change is not None and change.change is Change.OPENED:
        return "new"
    since = finding.since or (change.since if change else None)
    text = (
        f"since {show_time(since).removesuffix(' UTC')}, {show_duration(max((now - since).total_seconds(), 0.0))}"
        if since
        else ""
    )
    if change is not None and change.change in (Change.WORSENED, Change.EASED):
        return f"was {change.before.value}{', ' if text else ''}{text}"
    return text
