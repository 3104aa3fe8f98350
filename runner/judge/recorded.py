"""Judges rows as history kept them: in base units, only the recorded columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from runner.expr import Environment, Quantity, Value
from runner.expr.values import remembered
from runner.judge.judged import JudgedRow, Judgement
from runner.judge.rows import join, judge_peers, judge_whole
from runner.judge.rule import Rule
from runner.judge.table import Circumstances, Line, environments, whole
from runner.judge.verdict import split
from runner.model.history import Past, Series
from runner.model.problem import Memory
from runner.model.quantity import Dimension
from runner.model.result import Observation
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudged:
    """A judgement, and what its expressions saw: of each row, and of each database as a whole."""

    judgement: Judgement
    rows: Mapping[Series, Environment]
    wholes: Mapping[str, Environment]

    def environment(self, row: JudgedRow) -> Environment | None:
        """Where the row (or the whole result, which has no values) was judged."""
        return self.rows.get(row.series) if row.values else self.wholes.get(row.series.database)


def judge_recorded(
    rule: Rule,
    observations: Sequence[Observation],
    looked: Iterable[str],
    *,
    past: Past,
    memory: Memory,
    params: Mapping[str, object],
    now: datetime,
    dimensions: Mapping[str, Dimension],
) -> Rejudged:
    """As `judge` would have judged the rows then. `dimensions` says what undeclared columns measured."""
    given = Circumstances(past=past, params=params, now=now)
    of_rows, of_whole = split(rule)
    parts: list[Judgement] = []
    rows: dict[Series, Environment] = {}
    wholes: dict[str, Environment] = {}
    for database in sorted(looked):
        peers, all_rows = recorded_environments(rule, observations, database, given, dimensions)
        judged = tuple(judge_peers(of_rows, peers, memory))
        parts.append(Judgement(rows=judged, whole=judge_whole(of_whole, all_rows, memory)))
        rows.update((peer.series, peer) for peer in peers)
        wholes[database] = all_rows
    return Rejudged(judgement=join(parts), rows=rows, wholes=wholes)


def recorded_environments(
    rule: Rule,
    observations: Sequence[Observation],
    database: str,
    given: Circumstances,
    dimensions: Mapping[str, Dimension],
) -> tuple[list[Environment], Environment]:
    """What expressions see of one database: each recorded row, and the result as a whole."""
    known = {**dimensions, **rule.dimensions}
    lines = [Line(seen.series, _values(rule, seen, known)) for seen in observations if seen.series.database == database]
    peers = environments(rule, lines, given)
    return peers, whole(rule, database, peers, given)


def _values(rule: Rule, seen: Observation, dimensions: Mapping[str, Dimension]) -> dict[str, Value]:
    texts: dict[str, Value] = {name: Quantity(text, Dimension.TEXT) for name, text in _key(rule, seen.series).items()}
    return {**texts, **{name: remembered(value, dimensions.get(name), name) for name, value in seen.values.items()}}


def _key(rule: Rule, series: Series) -> dict[str, str]:
    # A key that was changed since gives as many names as there are texts.
    return dict(zip(rule.key, series.key, strict=False))
