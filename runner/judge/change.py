"""Judges what maintenance changed: the same rows, measured before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from runner.expr import Value
from runner.judge.judged import Judgement
from runner.judge.rows import join, judge_peers, judge_whole, observations
from runner.judge.rule import Rule, recorded_columns
from runner.judge.table import Circumstances, Line, environments, lines, missing_keys, whole
from runner.judge.verdict import split
from runner.model.history import NO_PAST, Past, Series
from runner.model.problem import Memory
from runner.model.query import Rows


def by_series(rule: Rule, tables: Mapping[str, Rows]) -> dict[Series, dict[str, Value]]:
    """The rows of one measurement by their series, in base units; of several with one key the last one stays.

    Tables without all the key columns give no rows.
    """
    return {
        line.series: line.values
        for database, rows in tables.items()
        if not missing_keys(rule, rows)
        for line in lines(rule, database, rows)
    }


def judge_change(
    rule: Rule,
    before: Mapping[Series, Mapping[str, Value]],
    after: Mapping[Series, Mapping[str, Value]],
    *,
    past: Past = NO_PAST,
    memory: Memory | None = None,
    params: Mapping[str, object] | None = None,
    now: datetime,
) -> Judgement:
    """The state of every row of either measurement. A column alone is that of the row after.

    A row that is missing on one side has no `before.x` or no `after.x` there: that is unknown with its reason.
    """
    given = Circumstances(past=past, params=params or {}, now=now)
    databases = dict.fromkeys(series.database for series in (*before, *after))
    return join(
        [
            _database(rule, name, before=before, after=after, memory=memory or Memory(), given=given)
            for name in databases
        ]
    )


def _database(
    rule: Rule,
    database: str,
    *,
    before: Mapping[Series, Mapping[str, Value]],
    after: Mapping[Series, Mapping[str, Value]],
    memory: Memory,
    given: Circumstances,
) -> Judgement:
    every = [series for series in dict.fromkeys((*before, *after)) if series.database == database]
    found = [Line(series, dict(after.get(series) or before[series])) for series in every]
    peers = environments(
        rule, found, given, phases={series: (before.get(series), after.get(series)) for series in every}
    )
    of_rows, of_whole = split(rule)
    measured = [peer for peer in peers if peer.after is not None]
    return Judgement(
        rows=tuple(judge_peers(of_rows, peers, memory)),
        whole=judge_whole(of_whole, whole(rule, database, peers, given), memory),
        observations=observations(recorded_columns(rule), measured),
    )
