"""The measured rows before and after, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from runner.api import Column, Dimension, Key, Observation, QueryError, Row, Rows, Series, Session, Table
from runner.kinds.maintenance.spec import Measure
from runner.model.history import Number
from runner.model.quantity import KINDS, show
from runner.records import dataclass

Measured: TypeAlias = Mapping[Key, Row]
MOST_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The rows of one database by key, before and after."""

    database: str
    before: Measured = field(default_factory=dict)
    after: Measured = field(default_factory=dict)


def measure(session: Session, wanted: Measure, params: Mapping[str, object], timeout: float) -> Rows | str:
    """The rows, or why there are none."""
    answer = session.execute(wanted.sql, params, timeout=timeout)
    if isinstance(answer, QueryError):
        return str(answer)
    missing = [name for name in (*wanted.key, *wanted.columns) if name not in answer.columns]
    if missing:
        return f"the query has no column {', '.join(missing)}"
    return answer


def by_key(wanted: Measure, rows: Rows) -> Measured:
    """The rows by their key; of several with one key the last one stays."""
    return {tuple(str(row[name]) for name in wanted.key): row for row in rows.dicts()}


def columns_of(wanted: Measure) -> tuple[Column, ...]:
    return tuple(Column(name=name, dimension=KINDS[kind][0]) for name, kind in wanted.columns.items())


def observations(wanted: Measure, changes: Iterable[Change]) -> list[Observation]:
    """The rows after, in base units."""
    return [
        Observation(
            series=Series(change.database, key),
            values={name: base_value(row.get(name), kind) for name, kind in wanted.columns.items()},
        )
        for change in changes
        for key, row in change.after.items()
    ]


def before_and_after(wanted: Measure, changes: Iterable[Change]) -> list[Table]:
    """One table for each database: every measured row, the biggest changes first, and a row of totals."""
    numeric = [name for name, kind in wanted.columns.items() if KINDS[kind][0] in _SUMMABLE]
    shown = [name for name in wanted.columns if name not in numeric]
    return [_table(wanted, change, numeric, shown) for change in changes if change.before or change.after]


_SUMMABLE = (Dimension.NUMBER, Dimension.BYTES, Dimension.SECONDS)


def _table(wanted: Measure, change: Change, numeric: list[str], shown: list[str]) -> Table:
    keys = sorted(
        {**change.before, **change.after},
        key=lambda key: (-max((abs(_difference(wanted, change, key, name)) for name in numeric), default=0), key),
    )
    columns = [*wanted.key]
    for name in numeric:
        columns += [f"{name} before", "after", "difference"]
    columns += shown
    rows = [_row(wanted, change, key, numeric, shown) for key in keys[:MOST_ROWS]]
    if numeric and len(keys) > 1:
        rows.append(_totals(wanted, change, numeric, shown))
    return Table(
        title=f"before and after{f' in {change.database}' if change.database else ''}",
        columns=_distinct(columns),
        rows=tuple(rows),
        numeric=frozenset(name for name in _distinct(columns) if name not in {*wanted.key, *shown}),
        more=max(0, len(keys) - MOST_ROWS),
    )


def _row(wanted: Measure, change: Change, key: Key, numeric: list[str], shown: list[str]) -> tuple[str, ...]:
    cells = [*key]
    for name in numeric:
        dimension = KINDS[wanted.columns[name]][0]
        before, after = (_value(wanted, rows, key, name) for rows in (change.before, change.after))
        cells += _three(before, after, dimension)
    row = change.after.get(key) or change.before[key]
    cells += [show(base_value(row.get(name), wanted.columns[name]), KINDS[wanted.columns[name]][0]) for name in shown]
    return tuple(cells)


def _totals(wanted: Measure, change: Change, numeric: list[str], shown: list[str]) -> tuple[str, ...]:
    cells = ["total", *("" for _ in wanted.key[1:])]
    for name in numeric:
        sums = [sum(_value(wanted, rows, key, name) or 0 for key in rows) for rows in (change.before, change.after)]
        cells += _three(sums[0], sums[1], KINDS[wanted.columns[name]][0])
    return (*cells, *("" for _ in shown))


def _three(before: float | None, after: float | None, dimension: Dimension) -> list[str]:
    difference = None if before is None or after is None else after - before
    return [show(before, dimension), show(after, dimension), signed(difference, dimension)]


def signed(value: float | None, dimension: Dimension) -> str:
    """A difference with its sign; 0 and n/a have none."""
    text = show(value, dimension)
    return f"+{text}" if value is not None and value > 0 else text


def _difference(wanted: Measure, change: Change, key: Key, name: str) -> float:
    before, after = (_value(wanted, rows, key, name) for rows in (change.before, change.after))
    return (after or 0) - (before or 0)


def _value(wanted: Measure, rows: Measured, key: Key, name: str) -> float | None:
    value = base_value(rows[key].get(name), wanted.columns[name]) if key in rows else None
    return value if isinstance(value, (int, float)) else None


def base_value(value: object, kind: str) -> Number:
    """A cell in the base unit of its kind: bytes, seconds, shares of one."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float, Decimal)):
        factor = KINDS[kind][1]
        exact = Decimal(str(value)) * factor
        return int(exact) if exact == exact.to_integral_value() else float(exact)
    return value.isoformat() if isinstance(value, (datetime, date)) else str(value)


def _distinct(names: list[str]) -> tuple[str, ...]:
    """`after` and `difference` again for each column; only the first column's stay bare."""
    found: list[str] = []
    last = ""
    for name in names:
        last = name.removesuffix(" before") if name.endswith(" before") else last
        found.append(f"{last} {name}" if name in ("after", "difference") else name)
    return tuple(found)
