"""Says what a maintenance run did, and above all what it did not do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from runner.api import Finding, Outcome, Series, State, Table, worst
from runner.kinds.maintenance.measure import Change, before_and_after, by_key, columns_of
from runner.kinds.maintenance.numbers import columns_for, recorded, work_table
from runner.kinds.maintenance.spec import MaintenanceSpec, ReindexStep, SqlStep
from runner.kinds.maintenance.visit import Visit
from runner.kinds.maintenance.work import Fate, Worked
from runner.model.quantity import show_bytes, show_duration, show_number

_NAMED_IN_SUMMARY = 5


def outcome_of(
    spec: MaintenanceSpec,
    visits: Sequence[Visit],
    seconds: float,
    *,
    why_over: str = "",
    verdicts: Sequence[Finding] = (),
) -> Outcome:
    """The outcome of all visits together; `verdicts` are the findings of `verify`."""
    done = [visit for visit in visits if not (visit.skipped or visit.left)]
    if not done and any(visit.skipped for visit in visits):
        reason = next(visit.skipped for visit in visits if visit.skipped)
        return Outcome(summary=reason, skipped=reason, looked=frozenset())
    worked = [item for visit in visits for item in visit.worked]
    findings = _merged([*_findings(visits, worked, why_over), *verdicts])
    changes = _changes(spec, visits)
    own = columns_of(spec.measure) if spec.measure else ()
    return Outcome(
        summary=_summary(spec, visits, worked, findings, seconds),
        findings=tuple(findings),
        observations=tuple(recorded(spec.measure, worked, changes, seconds)),
        columns=(*own, *(column for column in columns_for(worked) if column.name not in {item.name for item in own})),
        tables=(
            *work_table(worked, sizes=spec.measure is None),
            *(before_and_after(spec.measure, changes) if spec.measure else ()),
        ),
        looked=frozenset(visit.database for visit in done if not visit.obstacle),
        notes=tuple(_notes(visits)),
        key=spec.measure.key if spec.measure else (),
    )


def planned(visits: Sequence[Visit]) -> Outcome:
    """The outcome of a dry run: the exact statements, why each would be run, how long it took before, and its lock."""
    lines = [(visit.database, item) for visit in visits for item in visit.planned]
    with_database = any(database for database, _ in lines)
    columns = ("statement", "why", "usual time", "lock")
    rows = [(item.statement, item.why, _usual(item.seconds), item.lock) for _, item in lines]
    shown = [(database, *row) for (database, _), row in zip(lines, rows, strict=True)] if with_database else rows
    known = [item.seconds for _, item in lines if item.seconds is not None]
    total = f", usually {show_duration(sum(known))} of work for the {len(known)} known ones" if known else ""
    reason = f"dry run: {len(rows)} statement{'' if len(rows) == 1 else 's'} would be run{total}"
    table = Table(
        title="what would be run",
        columns=("database", *columns) if with_database else columns,
        rows=tuple(tuple(row) for row in shown),
        numeric=frozenset({"usual time"}),
    )
    return Outcome(
        summary=reason,
        skipped=reason,
        tables=(table,) if rows else (),
        looked=frozenset(),
        notes=(*_notes(visits), *(f"there is no {noun} {name}" for noun, name in _missing(visits))),
    )


def _usual(seconds: float | None) -> str:
    return "not known" if seconds is None else show_duration(seconds)


def _changes(spec: MaintenanceSpec, visits: Iterable[Visit]) -> list[Change]:
    if spec.measure is None:
        return []
    return [
        Change(
            database=visit.database,
            before=by_key(spec.measure, visit.before),
            after=by_key(spec.measure, visit.after),
        )
        for visit in visits
    ]


# ---- findings


def _findings(visits: Sequence[Visit], worked: Sequence[Worked], why_over: str) -> list[Finding]:
    nothing_done = not any(item.fate.is_done for item in worked)
    quiet = (Fate.DONE, Fate.GONE, Fate.BUSY)
    found = [_table_finding(item, nothing_done) for item in worked if item.fate not in quiet]
    for visit in visits:
        where = Series(visit.database)
        if visit.obstacle:
            found.append(
                Finding(state=State.UNKNOWN, message=_in(visit, visit.obstacle), series=where, reason=visit.obstacle)
            )
        elif visit.left:
            found.append(Finding(state=State.WARNING, message=_in(visit, f"not started: {why_over}"), series=where))
        found += [
            Finding(
                state=State.WARNING if ran.warned else State.CRITICAL,
                message=_in(visit, f"{ran.name}: {ran.complaint}"),
                series=Series(visit.database, (ran.name,)),
            )
            for ran in visit.ran
            if ran.complaint
        ]
        found += [
            Finding(
                state=State.WARNING,
                message=_in(visit, f"{item.index.title}, left by an interrupted rebuild: {item.complaint}"),
                series=Series(visit.database, item.index.key),
            )
            for item in visit.cleaned
            if item.complaint
        ]
    found += [
        Finding(state=State.CRITICAL, message=f"there is no {noun} {name}", series=Series("", (name,)))
        for noun, name in _missing(visits)
    ]
    return found


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each series, because a series is one problem: the worst state, all the words."""
    found: dict[Series, Finding] = {}
    for finding in findings:
        known = found.get(finding.series)
        if known is None:
            found[finding.series] = finding
        else:
            message = f"{known.message}; {finding.message}"
            found[finding.series] = replace(known, state=worst([known.state, finding.state]), message=message)
    return list(found.values())


def _table_finding(item: Worked, nothing_done: bool) -> Finding:
    state = State.CRITICAL
    if item.fate in _MILD or (item.fate is Fate.LEFT and not nothing_done):
        state = State.WARNING
    words = _WORDS.get(item.fate, "")
    return Finding(
        state=state,
        message=f"{item.table.title}: {words}{item.message}",
        series=Series(item.database, item.table.key),
    )


_MILD = (Fate.HELD, Fate.YIELDED)
_WORDS = {
    Fate.LOCKED: "locked: ",
    Fate.HELD: "held: ",
    Fate.LEFT: "not started: ",
    Fate.YIELDED: "gave way: ",
    Fate.CANCELLED: "cancelled: ",
}


def _missing(visits: Sequence[Visit]) -> list[tuple[str, str]]:
    """Names that no visited database has; with `for_each: database` a table may live in one of them only."""
    seen = [visit for visit in visits if not (visit.skipped or visit.left or visit.obstacle)]
    counts = Counter(missing for visit in seen for missing in dict.fromkeys(visit.missing))
    return [missing for missing, times in counts.items() if times == len(seen)]


def _in(visit: Visit, text: str) -> str:
    return f"{visit.database}: {text}" if visit.database else text


def _title(item: Worked) -> str:
    return f"{item.database}/{item.table.title}" if item.database else item.table.title


# ---- summary


def _summary(
    spec: MaintenanceSpec,
    visits: Sequence[Visit],
    worked: Sequence[Worked],
    findings: Sequence[Finding],
    seconds: float,
) -> str:
    incomplete = [item for item in worked if item.fate.is_failure or item.fate is Fate.LEFT]
    failures = [ran for visit in visits for ran in visit.ran if ran.complaint and not ran.warned]
    complete = not incomplete and not failures and not _missing(visits)
    complete = complete and not any(visit.left or visit.obstacle for visit in visits)
    parts = [*_tables_part(spec, visits, worked), *_statements_part(spec, visits)]
    text = ", ".join(parts) or (findings[0].message if findings else "nothing to do")
    held = sum(item.fate is Fate.HELD for item in worked)
    if held:
        text += f", {held} of them still with {_what_is_held(worked)} that are held"
    dropped = sum(not item.complaint for visit in visits for item in visit.cleaned)
    if dropped:
        text += f", {dropped} leftover {'index' if dropped == 1 else 'indexes'} dropped"
    return f"{'completed' if complete else 'NOT completed'}: {text} in {show_duration(seconds)}"


def _what_is_held(worked: Sequence[Worked]) -> str:
    actions = {item.action for item in worked if item.fate is Fate.HELD}
    return {frozenset({"freeze"}): "old transaction ids"}.get(frozenset(actions), "dead rows")


def _tables_part(spec: MaintenanceSpec, visits: Sequence[Visit], worked: Sequence[Worked]) -> list[str]:
    verbs = list(dict.fromkeys(step.verb for step in spec.steps if not isinstance(step, SqlStep)))
    if not verbs:
        return []
    noun = _noun(spec, worked)
    if not worked:
        looked = sum(visit.looked_at for visit in visits)
        one = noun.replace("indexes", "index").replace("tables", "table")
        return [f"no {one} was chosen ({show_number(looked)} looked at, none needs it)"] if looked else []
    bad = [item for item in worked if item.fate.is_failure or item.fate is Fate.LEFT]
    good = sum(item.fate.is_done for item in worked)
    returned = sum(item.returned for item in worked)
    size = f", {show_bytes(returned)} returned" if returned > 0 else ""
    if not bad:
        return [f"{good} of {len(worked)} {noun} {' or '.join(verbs)}{size}"]
    names = [f"{_title(item)} ({item.fate.value})" for item in bad[:_NAMED_IN_SUMMARY]]
    more = f" and {len(bad) - _NAMED_IN_SUMMARY} more" if len(bad) > _NAMED_IN_SUMMARY else ""
    failed = sum(item.fate.is_failure for item in bad)
    verb = "failed" if failed == len(bad) else "not started" if not failed else "failed or not started"
    return [f"{len(bad)} of {len(worked)} {noun} {verb}: {', '.join(names)}{more}{size}"]


def _noun(spec: MaintenanceSpec, worked: Sequence[Worked]) -> str:
    kinds = {item.action == "reindex" for item in worked}
    kinds = kinds or {isinstance(step, ReindexStep) for step in spec.steps if not isinstance(step, SqlStep)}
    return "tables and indexes" if len(kinds) > 1 else "indexes" if kinds == {True} else "tables"


def _statements_part(spec: MaintenanceSpec, visits: Sequence[Visit]) -> list[str]:
    ran = [item for visit in visits for item in visit.ran]
    if not any(isinstance(step, SqlStep) for step in spec.steps) or not ran:
        return []
    good = sum(not item.complaint or item.warned for item in ran)
    return [f"{good} of {len(ran)} statements run"]


def _notes(visits: Sequence[Visit]) -> list[str]:
    skipped = [f"{_in(visit, 'skipped: ')}{visit.skipped}" for visit in visits if visit.skipped]
    worked = [item for visit in visits for item in visit.worked]
    gone = [f"{_title(item)} was dropped meanwhile" for item in worked if item.fate is Fate.GONE]
    busy = [f"{_title(item)} was left: {item.message}" for item in worked if item.fate is Fate.BUSY]
    dropped = [
        _in(visit, f"dropped {item.index.title}, which an interrupted rebuild had left")
        for visit in visits
        for item in visit.cleaned
        if not item.complaint
    ]
    return [*skipped, *gone, *busy, *dropped, *(note for visit in visits for note in visit.notes)]
