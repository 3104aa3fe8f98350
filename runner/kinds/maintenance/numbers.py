"""The numbers of a maintenance run: what history records of each table, and the table that the report shows."""

from __future__ import annotations

from collections.abc import Sequence

from runner.api import Column, Dimension, Key, Observation, Series, Table
from runner.kinds.maintenance.counts import Counts
from runner.kinds.maintenance.estimate import COLUMNS
from runner.kinds.maintenance.measure import MOST_ROWS, Change, observations, signed
from runner.kinds.maintenance.spec import Measure
from runner.kinds.maintenance.work import Fate, Worked
from runner.model.history import Number
from runner.model.quantity import show_bytes, show_duration, show_number

_WORK = ("table", "result", "time")
_SIZES = ("size before", "size after", "difference", "dead before", "dead after")
_AGES = ("age before", "age after")
_BUFFERS = ("hit", "read", "dirtied")


def columns_for(worked: Sequence[Worked]) -> list[Column]:
    """The recorded columns of what was really done."""
    durations = dict.fromkeys(["seconds", *(COLUMNS[item.action] for item in worked)])
    return [
        Column(name="size", dimension=Dimension.BYTES),
        Column(name="returned", dimension=Dimension.BYTES),
        Column(name="dead_rows", dimension=Dimension.NUMBER),
        *(Column(name=name, dimension=Dimension.SECONDS) for name in durations),
        Column(name="tables", dimension=Dimension.NUMBER),
        Column(name="failed", dimension=Dimension.NUMBER),
    ]


def recorded(
    measure: Measure | None, worked: Sequence[Worked], changes: Sequence[Change], seconds: float
) -> list[Observation]:
    """One for each table, joined with the measured row of the same key, and one for the whole run."""
    found: dict[Series, dict[str, Number]] = {}
    for item in worked:
        if item.after is not None and item.fate in (Fate.DONE, Fate.HELD):
            values = found.setdefault(Series(item.database, item.table.key), {})
            values |= {"size": item.after.size, "returned": item.returned, COLUMNS[item.action]: item.seconds}
            if item.action != "reindex":
                values["dead_rows"] = item.after.dead
    for observation in observations(measure, changes) if measure else ():
        found.setdefault(observation.series, {}).update(observation.values)
    whole = {"seconds": seconds, "tables": len(worked), "failed": sum(item.fate.is_failure for item in worked)}
    return [
        *(Observation(series=series, values=values) for series, values in found.items()),
        Observation(values=whole),
    ]


def work_table(worked: Sequence[Worked], *, sizes: bool) -> list[Table]:
    """What was done to each table, failures first, then the longest, and a row of totals."""
    if not worked:
        return []
    ages = any(item.action == "freeze" for item in worked)
    buffers = any(item.buffers is not None for item in worked)
    columns = (*_WORK, *(_SIZES if sizes else ()), *(_AGES if ages else ()), *(_BUFFERS if buffers else ()))
    ordered = sorted(worked, key=lambda item: (item.fate is Fate.DONE, -item.seconds))
    rows = [_row(item, sizes=sizes, ages=ages, buffers=buffers) for item in ordered[:MOST_ROWS]]
    if sum(item.after is not None for item in worked) > 1:
        rows.append(_totals(worked, sizes=sizes, ages=ages, buffers=buffers))
    return [
        Table(
            title="tables",
            columns=columns,
            rows=tuple(rows),
            numeric=frozenset({"time", *_SIZES, *_AGES, *_BUFFERS}) & frozenset(columns),
            more=max(0, len(worked) - MOST_ROWS),
        )
    ]


def _row(item: Worked, *, sizes: bool, ages: bool, buffers: bool) -> tuple[str, ...]:
    title = f"{item.database}/{item.table.title}" if item.database else item.table.title
    result = item.verb if item.fate is Fate.DONE else item.fate.value
    cells = [title, result, show_duration(item.seconds)]
    if sizes:
        cells += _sizes(item.before, item.after)
    if ages:
        cells += [_age(item.before), _age(item.after)]
    if buffers:
        cells += _buffers([item])
    return tuple(cells)


def _buffers(worked: Sequence[Worked]) -> list[str]:
    """What is known of the blocks that were found in memory, read and changed."""
    known = [item.buffers for item in worked if item.buffers is not None]
    if not known:
        return [""] * len(_BUFFERS)
    return [show_bytes(sum(getattr(item, name) for item in known)) for name in _BUFFERS]


def _sizes(before: Counts, after: Counts | None) -> list[str]:
    if after is None or after.size is None or before.size is None:
        return [""] * len(_SIZES)
    return [
        show_bytes(before.size),
        show_bytes(after.size),
        signed(after.size - before.size, Dimension.BYTES),
        show_number(before.dead),
        show_number(after.dead),
    ]


def _age(counts: Counts | None) -> str:
    return "" if counts is None or counts.xid_age is None else show_number(counts.xid_age)


def _totals(worked: Sequence[Worked], *, sizes: bool, ages: bool, buffers: bool) -> tuple[str, ...]:
    """A table that several steps worked on counts once: as it was before the first, and after the last."""
    first: dict[tuple[str, Key], Counts] = {}
    last: dict[tuple[str, Key], Counts] = {}
    for item in worked:
        if item.after is not None:
            first.setdefault((item.database, item.table.key), item.before)
            last[item.database, item.table.key] = item.after
    cells = ["total", "", show_duration(sum(item.seconds for item in worked if item.after is not None))]
    if sizes:
        cells += _sizes(_sum(list(first.values())), _sum(list(last.values())))
    return (*cells, *([""] * len(_AGES) if ages else ()), *(_buffers(worked) if buffers else ()))


def _sum(counts: Sequence[Counts]) -> Counts:
    return Counts(size=sum(item.size or 0 for item in counts), dead=sum(item.dead for item in counts))
