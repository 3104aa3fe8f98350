"""Recorded rows: one batch per run, one sample per row, each with its place in the outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from runner.model.codec import clean, encode, instant
from runner.model.history import Number
from runner.model.result import Observation, Result
from runner.store.values import all_series, json_rows, json_text, key_text

Identity = tuple[str, str]
"""Database and key as they stand in the table."""


def write_samples(connection: sqlite3.Connection, number: int, result: Result) -> None:
    """Appends the result's observations as the batch of run `number`."""
    observations = result.outcome.observations
    if not observations:
        return
    batch = connection.execute(
        "insert into batches (run, job, target, at) values (?, ?, ?, ?)",
        (number, result.job, result.target, instant(result.started)),
    ).lastrowid
    known = _known(connection, result.job, result.target)
    identities = [(clean(item.series.database), key_text(item.series.key)) for item in observations]
    _add_series(connection, result, [identity for identity in identities if identity not in known], known)
    rows = sorted(
        (known[identity], place, _values(item.values))
        for place, (identity, item) in enumerate(zip(identities, observations, strict=True))
    )
    connection.executemany(
        f"insert into samples (batch, series, place, data) values ({batch}, ?, ?, ?)",  # noqa: S608
        rows,
    )
    connection.execute(
        "update series set last = ? where id in (select series from samples where batch = ?)", (batch, batch)
    )


def read_observations(connection: sqlite3.Connection, number: int) -> tuple[Observation, ...]:
    """What run `number` observed, in its order; nothing once its samples are pruned."""
    rows = connection.execute(
        "select s.database, s.key, m.data from batches b join samples m on m.batch = b.id"
        " join series s on s.id = m.series where b.run = ? order by m.place",
        (number,),
    ).fetchall()
    places = all_series([(database, key) for database, key, _ in rows])
    values = json_rows(data for _, _, data in rows)
    return tuple(Observation(series=series, values=value) for series, value in zip(places, values, strict=True))


def _known(connection: sqlite3.Connection, job: str, target: str) -> dict[Identity, int]:
    rows = connection.execute("select database, key, id from series where job = ? and target = ?", (job, target))
    return {(database, key): number for database, key, number in rows}


def _add_series(
    connection: sqlite3.Connection, result: Result, missing: Sequence[Identity], known: dict[Identity, int]
) -> None:
    if not missing:
        return
    first = connection.execute("select coalesce(max(id), 0) + 1 from series").fetchone()[0]
    fresh = {identity: first + index for index, identity in enumerate(dict.fromkeys(missing))}
    connection.executemany(
        "insert into series (id, job, target, database, key, last) values (?, ?, ?, ?, ?, 0)",
        _series_rows(result, fresh.items()),
    )
    known.update(fresh)


def _series_rows(result: Result, fresh: Iterable[tuple[Identity, int]]) -> Iterator[tuple[int, str, str, str, str]]:
    return ((number, result.job, result.target, database, key) for (database, key), number in fresh)


def _values(values: Mapping[str, Number]) -> str:
    """JSON of what was measured; the careful way only for what plain JSON refuses or could not be stored."""
    try:
        text = json_text(values)
    except (TypeError, ValueError):
        return json_text(encode(values))
    return text if text.isascii() else json_text(encode(values))
