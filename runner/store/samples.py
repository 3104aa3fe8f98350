"""Recorded rows: one batch per run, one sample per row, each with its place in the outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from runner.model.codec import clean, instant
from runner.model.result import Observation, Result
from runner.store.values import all_series, json_rows, json_texts

Identity = tuple[str, str]
"""Database and key as they stand in the table."""


def write_samples(connection: sqlite3.Connection, number: int, result: Result) -> None:
    """Appends the result's observations as the batch of run `number`."""
    observations = result.outcome.observations
    if not observations:
        return
    subject = _subject(connection, result.job, result.target)
    known = _known(connection, subject)
    databases = (clean(item.series.database) for item in observations)
    identities = list(zip(databases, json_texts([item.series.key for item in observations]), strict=True))
    _add_series(connection, subject, [identity for identity in identities if identity not in known], known)
    seen = [known[identity] for identity in identities]
    batch = _add_batch(connection, subject, number, result, seen)
    texts = json_texts([item.values for item in observations])
    connection.executemany(
        f"insert into samples (batch, series, place, data) values ({batch}, ?, ?, ?)",  # noqa: S608
        sorted(zip(seen, range(len(seen)), texts, strict=True)),
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


def subject_of(connection: sqlite3.Connection, job: str, target: str) -> int | None:
    """The number under which the job's samples on the target are kept, if there are any."""
    row = connection.execute("select id from subjects where job = ? and target = ?", (job, target)).fetchone()
    return row[0] if row else None


def _subject(connection: sqlite3.Connection, job: str, target: str) -> int:
    connection.execute("insert or ignore into subjects (job, target) values (?, ?)", (job, target))
    subject = subject_of(connection, job, target)
    if subject is None:
        raise AssertionError("the row was inserted by the statement before")
    return subject


def _known(connection: sqlite3.Connection, subject: int) -> dict[Identity, int]:
    rows = connection.execute("select database, key, id from series where subject = ?", (subject,))
    return {(database, key): number for database, key, number in rows}


def _add_series(
    connection: sqlite3.Connection, subject: int, missing: Sequence[Identity], known: dict[Identity, int]
) -> None:
    if not missing:
        return
    first = connection.execute("select coalesce(max(id), 0) + 1 from series").fetchone()[0]
    fresh = {identity: first + index for index, identity in enumerate(dict.fromkeys(missing))}
    connection.executemany(
        f"insert into series (id, subject, database, key) values (?, {subject}, ?, ?)",  # noqa: S608
        ((number, *identity) for identity, number in fresh.items()),
    )
    known.update(fresh)


def _add_batch(
    connection: sqlite3.Connection, subject: int, number: int, result: Result, seen: Sequence[int]
) -> int | None:
    """A new newest batch; what it does not hold any more keeps the one before as its last."""
    before = connection.execute("select max(id) from batches where subject = ?", (subject,)).fetchone()[0]
    batch = connection.execute(
        "insert into batches (run, subject, at) values (?, ?, ?)", (number, subject, instant(result.started))
    ).lastrowid
    present = set(seen)
    gone = {row[0] for row in connection.execute(
        "select id from series where subject = ? and last is not null", (subject,)
    )}  # fmt: skip
    held = {row[0] for row in connection.execute("select series from samples where batch = ?", (before,))}
    connection.executemany("update series set last = ? where id = ?", ((before, each) for each in held - present))
    connection.executemany("update series set last = null where id = ?", ((each,) for each in present & gone))
    return batch
