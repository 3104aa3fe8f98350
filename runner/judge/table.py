"""From raw rows to rows of quantities with their series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import repeat
from typing import Final, NamedTuple, TypeAlias

from runner.expr import Environment, Quantity, Unknown, Value, quantities, quantity, text_of, value
from runner.judge.rule import Rule
from runner.model.history import Past, Series
from runner.model.quantity import KINDS, Dimension
from runner.model.query import Rows
from runner.records import dataclass


class Line(NamedTuple):
    """One row: who it is and what it holds."""

    series: Series
    values: dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is the same for all rows of one judging."""

    past: Past
    params: Mapping[str, object]
    now: datetime


def lines(rule: Rule, database: str, rows: Rows) -> list[Line]:
    """The rows that no exception leaves out; every key column must be there."""
    kept = [row for row in rows.rows if not _left_out(rule, rows.columns, row)]
    cells = list(zip(*kept, strict=True)) or [()] * len(rows.columns)
    held = [quantities(column, rule.kinds.get(name), name) for name, column in zip(rows.columns, cells, strict=True)]
    texts = [[text_of(cell) for cell in cells[rows.columns.index(name)]] for name in rule.key]
    keys: Iterable[tuple[str, ...]] = zip(*texts, strict=True) if texts else repeat((), len(kept))
    return [
        Line(Series(database, key), dict(zip(rows.columns, values, strict=True)))
        for key, values in zip(keys, zip(*held, strict=True), strict=True)
    ]


def missing_keys(rule: Rule, rows: Rows) -> tuple[str, ...]:
    """Key columns that the result does not have."""
    return tuple(name for name in rule.key if name not in rows.columns)


def _left_out(rule: Rule, columns: Sequence[str], row: Sequence[object]) -> bool:
    if not rule.exceptions:
        return False
    cells = dict(zip(columns, row, strict=False))
    return any(
        exception and all(name in cells and fnmatchcase(text_of(cells[name]), text) for name, text in exception.items())
        for exception in rule.exceptions
    )


Phase: TypeAlias = "Mapping[str, Value] | None"
NO_PHASE: Final[tuple[Phase, Phase]] = (None, None)


def environments(
    rule: Rule,
    found: Sequence[Line],
    given: Circumstances,
    phases: Mapping[Series, tuple[Phase, Phase]] | None = None,
) -> list[Environment]:
    """One environment per row, all sharing their peers; computed columns are filled in."""
    dimensions = {**_seen(found), **rule.dimensions}
    peers: list[Environment] = []
    memo: dict[object, object] = {}
    for line in found:
        before, after = phases.get(line.series, NO_PHASE) if phases else NO_PHASE
        peers.append(
            Environment(
                row=line.values,
                past=given.past,
                series=line.series,
                params=given.params,
                before=before,
                after=after,
                now=given.now,
                functions=rule.functions,
                dimensions=dimensions,
                peers=peers,
                memo=memo,
            )
        )
    fill_computed(rule, peers)
    return peers


def whole(rule: Rule, database: str, peers: Sequence[Environment], given: Circumstances) -> Environment:
    """The environment of thresholds that name no column."""
    return Environment(
        past=given.past,
        series=Series(database),
        params=given.params,
        now=given.now,
        functions=rule.functions,
        dimensions=rule.dimensions,
        peers=peers,
        memo=peers[0].memo if peers else {},
    )


def _seen(found: Sequence[Line]) -> dict[str, Dimension]:
    """What undeclared columns measure, by the first value of each."""
    seen: dict[str, Dimension] = {}
    for line in found:
        for name, held in line.values.items():
            if name not in seen and isinstance(held, Quantity):
                seen[name] = held.dimension
        if len(seen) == len(line.values):
            break
    return seen


def fill_computed(rule: Rule, peers: Sequence[Environment]) -> None:
    """Writes the computed columns into the rows, column by column: each may look at all rows."""
    for name, expression in rule.computed.items():
        kind = rule.kinds.get(name)
        found = [as_declared(value(expression, peer), kind, name) for peer in peers]
        for peer, held in zip(peers, found, strict=True):
            row = peer.row
            assert isinstance(row, dict)
            row[name] = held


def as_declared(found: Value, kind: str | None, name: str) -> Value:
    """A computed value in its declared kind: a plain number is in that kind's unit."""
    if kind is None or not isinstance(found, Quantity) or found.dimension is KINDS[kind][0]:
        return found
    if found.dimension is Dimension.NUMBER:
        return quantity(found.value, kind, name)
    return Unknown(f"{name} is declared as {kind} but is computed as a {found.dimension.value}", fault=True)
