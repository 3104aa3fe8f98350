"""Judges the rows of a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from runner.expr import Environment, recorded
from runner.judge.judged import JudgedRow, Judgement
from runner.judge.rule import Rule, recorded_columns
from runner.judge.table import Circumstances, environments, lines, missing_keys, whole
from runner.judge.verdict import Thresholds, Verdict, split
from runner.model.history import Past, Series
from runner.model.problem import Memory
from runner.model.query import Rows
from runner.model.result import Observation
from runner.model.state import State


def judge(  # the callers name them all, in this order
    rule: Rule,
    tables: Mapping[str, Rows],
    past: Past,
    memory: Memory,
    params: Mapping[str, object],
    now: datetime,
) -> Judgement:
    """The state of every row, and of every database's result as a whole. Never raises on any cell."""
    given = Circumstances(past=past, params=params, now=now)
    return join([_table(rule, database, rows, memory, given) for database, rows in tables.items()])


def join(parts: Sequence[Judgement]) -> Judgement:
    """Several judgements as one, in their order."""
    return Judgement(
        rows=tuple(row for part in parts for row in part.rows),
        whole=tuple(row for part in parts for row in part.whole),
        observations=tuple(seen for part in parts for seen in part.observations),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _table(rule: Rule, database: str, rows: Rows, memory: Memory, given: Circumstances) -> Judgement:
    missing = missing_keys(rule, rows)
    if missing:
        names = ", ".join(missing)
        reason = f"the result has no column {names}, which `key:` names"
        return Judgement(whole=(JudgedRow(series=Series(database), state=State.UNKNOWN, reason=reason),))
    peers = environments(rule, lines(rule, database, rows), given)
    of_rows, of_whole = split(rule)
    judged = judge_peers(of_rows, peers, memory)
    judged, notes = worst_of_duplicates(judged)
    return Judgement(
        rows=tuple(judged),
        whole=judge_whole(of_whole, whole(rule, database, peers, given), memory),
        observations=observations(recorded_columns(rule), peers),
        notes=notes,
    )


def judge_peers(thresholds: Thresholds, peers: Sequence[Environment], memory: Memory) -> list[JudgedRow]:
    """Each row by itself; without thresholds all rows are ok."""
    if not thresholds:
        return [JudgedRow(series=peer.series, state=State.OK, values=peer.row, before=peer.before) for peer in peers]
    verdict = thresholds.judge()
    remembers = bool(memory.problems) and thresholds.clear is not None
    return [
        judged_row(verdict(peer, memory.open_state(peer.series) if remembers else State.OK), peer) for peer in peers
    ]


def judged_row(verdict: Verdict, peer: Environment) -> JudgedRow:
    """A row with its verdict."""
    return JudgedRow(
        series=peer.series,
        state=verdict.state,
        reason=verdict.reason,
        threshold=verdict.threshold,
        held=verdict.held,
        values=peer.row,
        before=peer.before,
    )


def judge_whole(thresholds: Thresholds, environment: Environment, memory: Memory) -> tuple[JudgedRow, ...]:
    """The result of one database as a whole; nothing when no threshold looks at it."""
    if not thresholds:
        return ()
    return (judged_row(thresholds.judge()(environment, memory.open_state(environment.series)), environment),)


def worst_of_duplicates(judged: Sequence[JudgedRow]) -> tuple[list[JudgedRow], tuple[str, ...]]:
    """Rows of one key share the worst of their states; a note names the keys."""
    if len({row.series for row in judged}) == len(judged):
        return list(judged), ()
    counts = Counter(row.series for row in judged)
    worst: dict[Series, JudgedRow] = {}
    for row in judged:
        if row.series not in worst or row.state.rank > worst[row.series].state.rank:
            worst[row.series] = row
    shared = [
        row
        if row.state is worst[row.series].state
        else replace(worst[row.series], values=row.values, before=row.before)
        for row in judged
    ]
    return shared, _notes(counts)


def _notes(counts: Mapping[Series, int]) -> tuple[str, ...]:
    repeated = [(series, count) for series, count in counts.items() if count > 1]
    notes = [
        f"{count} rows have the key {series}; the worst of them counts"
        if series.key
        else f"{count} rows and no `key:` to tell them apart{f' in {series}' if str(series) else ''}; the worst counts"
        for series, count in repeated[:5]
    ]
    more = len(repeated) - len(notes)
    return (*notes, *([f"{more} more keys have several rows"] if more else []))


def observations(columns: frozenset[str], peers: Sequence[Environment]) -> tuple[Observation, ...]:
    """What history keeps: the first row of every series."""
    if not columns:
        return ()
    first: dict[Series, Environment] = {}
    for peer in peers:
        first.setdefault(peer.series, peer)
    return tuple(
        Observation(series=series, values={name: recorded(peer.row[name]) for name in peer.row if name in columns})
        for series, peer in first.items()
    )
