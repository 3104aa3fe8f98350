"""Says what a maintenance run did, and above all what it did not do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from runner.api import Column, Dimension, Finding, Observation, Outcome, Series, State, Table, worst
from runner.kinds.maintenance.measure import (
    MOST_ROWS,
    Change,
    before_and_after,
    by_key,
    columns_of,
    observations,
    signed,
)
from runner.kinds.maintenance.spec import MaintenanceSpec, SqlStep
from runner.kinds.maintenance.visit import Visit
from runner.kinds.maintenance.work import Fate, Worked
from runner.model.quantity import show_bytes, show_duration, show_number

_COLUMNS = (
    Column(name="size", dimension=Dimension.BYTES),
    Column(name="returned", dimension=Dimension.BYTES),
    Column(name="dead_rows", dimension=Dimension.NUMBER),
    Column(name="seconds", dimension=Dimension.SECONDS),
    Column(name="tables", dimension=Dimension.NUMBER),
    Column(name="failed", dimension=Dimension.NUMBER),
)
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
    own_columns = {column.name for column in (columns_of(spec.measure) if spec.measure else ())}
    return Outcome(
        summary=_summary(spec, visits, worked, findings, seconds),
        findings=tuple(findings),
        observations=tuple(_observations(spec, worked, changes, seconds)),
        columns=(
            *(columns_of(spec.measure) if spec.measure else ()),
            *(column for column in _COLUMNS if column.name not in own_columns),
        ),
        tables=(*_work_table(worked, spec), *(before_and_after(spec.measure, changes) if spec.measure else ())),
        looked=frozenset(visit.database for visit in done if not visit.obstacle),
        notes=tuple(_notes(visits)),
        key=spec.measure.key if spec.measure else (),
    )


def planned(visits: Sequence[Visit]) -> Outcome:
    """The outcome of a dry run: the exact statements, and why each would be run."""
    rows = [(visit.database, *line) for visit in visits for line in visit.planned]
    with_database = any(database for database, _, _ in rows)
    columns = ("database", "statement", "why") if with_database else ("statement", "why")
    shown = tuple(row if with_database else row[1:] for row in rows)
    reason = f"dry run: {len(rows)} statement{'' if len(rows) == 1 else 's'} would be run"
    tables = (Table(title="what would be run", columns=columns, rows=shown),) if rows else ()
    return Outcome(
        summary=reason,
        skipped=reason,
        tables=tables,
        looked=frozenset(),
        notes=(*_notes(visits), *(f"there is no table {name}" for name in _missing(visits))),
    )


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
    nothing_done = not any(item.fate in (Fate.DONE, Fate.HELD) for item in worked)
    found = [_table_finding(item, nothing_done) for item in worked if item.fate not in (Fate.DONE, Fate.GONE)]
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
        Finding(state=State.CRITICAL, message=f"there is no table {name}", series=Series("", (name,)))
        for name in _missing(visits)
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
    if item.fate is Fate.HELD or (item.fate is Fate.LEFT and not nothing_done):
        state = State.WARNING
    words = {Fate.LOCKED: "locked: ", Fate.HELD: "held: ", Fate.LEFT: "not started: "}.get(item.fate, "")
    return Finding(
        state=state,
        message=f"{item.table.title}: {words}{item.message}",
        series=Series(item.database, item.table.key),
    )


def _missing(visits: Sequence[Visit]) -> list[str]:
    """Names that no visited database has; with `for_each: database` a table may live in one of them only."""
    seen = [visit for visit in visits if not (visit.skipped or visit.left or visit.obstacle)]
    counted = Counter(name for visit in seen for name in dict.fromkeys(visit.missing))
    return [name for name, times in counted.items() if times == len(seen)]


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
        text += f", {held} of them still with dead rows that are held"
    return f"{'completed' if complete else 'NOT completed'}: {text} in {show_duration(seconds)}"


def _tables_part(spec: MaintenanceSpec, visits: Sequence[Visit], worked: Sequence[Worked]) -> list[str]:
    verbs = list(dict.fromkeys(step.verb for step in spec.steps if not isinstance(step, SqlStep)))
    if not verbs:
        return []
    if not worked:
        looked = sum(visit.looked_at for visit in visits)
        return [f"no table was chosen ({show_number(looked)} looked at, none needs it)"] if looked else []
    bad = [item for item in worked if item.fate.is_failure or item.fate is Fate.LEFT]
    good = sum(item.fate in (Fate.DONE, Fate.HELD) for item in worked)
    returned = sum(item.returned for item in worked)
    size = f", {show_bytes(returned)} returned" if returned > 0 else ""
    if not bad:
        return [f"{good} of {len(worked)} tables {' or '.join(verbs)}{size}"]
    names = [f"{_title(item)} ({item.fate.value})" for item in bad[:_NAMED_IN_SUMMARY]]
    more = f" and {len(bad) - _NAMED_IN_SUMMARY} more" if len(bad) > _NAMED_IN_SUMMARY else ""
    failed = sum(item.fate.is_failure for item in bad)
    verb = "failed" if failed == len(bad) else "not started" if not failed else "failed or not started"
    return [f"{len(bad)} of {len(worked)} tables {verb}: {', '.join(names)}{more}{size}"]


def _statements_part(spec: MaintenanceSpec, visits: Sequence[Visit]) -> list[str]:
    ran = [item for visit in visits for item in visit.ran]
    if not any(isinstance(step, SqlStep) for step in spec.steps) or not ran:
        return []
    good = sum(not item.complaint or item.warned for item in ran)
    return [f"{good} of {len(ran)} statements run"]


def _notes(visits: Sequence[Visit]) -> list[str]:
    skipped = [f"{_in(visit, 'skipped: ')}{visit.skipped}" for visit in visits if visit.skipped]
    gone = [
        f"{_title(item)} was dropped meanwhile" for visit in visits for item in visit.worked if item.fate is Fate.GONE
    ]
    return [*skipped, *gone, *(note for visit in visits for note in visit.notes)]


# ---- numbers


def _observations(
    spec: MaintenanceSpec, worked: Sequence[Worked], changes: Sequence[Change], seconds: float
) -> list[Observation]:
    """One for each table, joined with the measured row of the same key, and one for the whole run."""
    found: dict[Series, dict[str, int | float | str | bool | None]] = {}
    for item in worked:
        if item.after is not None:
            found[Series(item.database, item.table.key)] = {
                "size": item.after.size,
                "returned": item.returned,
                "dead_rows": item.after.dead,
                "seconds": item.seconds,
            }
    for observation in observations(spec.measure, changes) if spec.measure else ():
        found.setdefault(observation.series, {}).update(observation.values)
    whole = {"seconds": seconds, "tables": len(worked), "failed": sum(item.fate.is_failure for item in worked)}
    return [
        *(Observation(series=series, values=values) for series, values in found.items()),
        Observation(values=whole),
    ]


_WORK = ("table", "result", "time")
_SIZES = ("size before", "size after", "difference", "dead before", "dead after")


def _work_table(worked: Sequence[Worked], spec: MaintenanceSpec) -> list[Table]:
    """What was done to each table, failures first, then the longest; sizes unless the job measures its own."""
    if not worked:
        return []
    columns = _WORK if spec.measure else (*_WORK, *_SIZES)
    ordered = sorted(worked, key=lambda item: (item.fate is Fate.DONE, -item.seconds))
    measured = [item for item in worked if item.after is not None]
    rows = [_work_row(item) for item in ordered[:MOST_ROWS]]
    if len(measured) > 1:
        rows.append(_totals(measured))
    return [
        Table(
            title="tables",
            columns=columns,
            rows=tuple(row[: len(columns)] for row in rows),
            numeric=frozenset({"time", *_SIZES}),
            more=max(0, len(worked) - MOST_ROWS),
        )
    ]


def _work_row(item: Worked) -> tuple[str, ...]:
    result = item.verb if item.fate is Fate.DONE else item.fate.value
    sizes = ("",) * len(_SIZES)
    if item.after is not None and item.after.size is not None and item.before.size is not None:
        sizes = (
            show_bytes(item.before.size),
            show_bytes(item.after.size),
            signed(-item.returned, Dimension.BYTES),
            show_number(item.before.dead),
            show_number(item.after.dead),
        )
    return (_title(item), result, show_duration(item.seconds), *sizes)


def _totals(measured: Sequence[Worked]) -> tuple[str, ...]:
    pairs = [(item.before, item.after) for item in measured if item.after is not None]
    return (
        "total",
        "",
        show_duration(sum(item.seconds for item in measured)),
        show_bytes(sum(before.size or 0 for before, _ in pairs)),
        show_bytes(sum(after.size or 0 for _, after in pairs)),
        signed(-sum(item.returned for item in measured), Dimension.BYTES),
        show_number(sum(before.dead for before, _ in pairs)),
        show_number(sum(after.dead for _, after in pairs)),
    )
