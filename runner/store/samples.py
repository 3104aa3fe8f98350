"""Recorded rows: one batch per run, one sample per row, each with its place in the outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from runner.model.codec import clean, instant
from runner.model.result import Observation, Result
from runner.store.database import Database
from runner.store.values import all_series, json_rows, json_text, json_texts

Identity = tuple[str, str]
"""Database and key as they stand in the table."""


def write_samples(db: Database, number: int, result: Result) -> None:
    """Appends the result's observations as the batch of run `number`."""
    observations = result.outcome.observations
    if not observations:
        return
    subject = _subject(db, result.job, result.target)
    known = _known(db, subject)
    databases = (clean(item.series.database) for item in observations)
    identities = list(zip(databases, json_texts([item.series.key for item in observations]), strict=True))
    _add_series(db, subject, [identity for identity in identities if identity not in known], known)
    seen = [known[identity] for identity in identities]
    batch = _add_batch(db, subject, number, result, seen)
    texts = json_texts([item.values for item in observations])
    rows = sorted(zip(seen, range(len(seen)), texts, strict=True))
    db.append("samples", ("batch", batch), ("series", "place", "data"), rows)


def read_observations(db: Database, number: int) -> tuple[Observation, ...]:
    """What run `number` observed, in its order; nothing once its samples are pruned."""
    rows = db.execute(
        "select s.database, s.key, m.data from batches b join samples m on m.batch = b.id"
        " join series s on s.id = m.series where b.run = ? order by m.place",
        (number,),
    ).fetchall()
    places = all_series([(database, key) for database, key, _ in rows])
    values = json_rows(data for _, _, data in rows)
    return tuple(Observation(series=series, values=value) for series, value in zip(places, values, strict=True))


def subject_of(db: Database, job: str, target: str) -> int | None:
    """The number under which the job's samples on the target are kept, if there are any."""
    row = db.execute("select id from subjects where job = ? and target = ?", (job, target)).fetchone()
    return row[0] if row else None


def _subject(db: Database, job: str, target: str) -> int:
    db.execute("insert into subjects (job, target) values (?, ?) on conflict do nothing", (job, target))
    subject = subject_of(db, job, target)
    if subject is None:
        raise AssertionError("the row was inserted by the statement before")
    return subject


def _known(db: Database, subject: int) -> dict[Identity, int]:
    rows = db.execute("select database, key, id from series where subject = ?", (subject,))
    return {(database, key): number for database, key, number in rows}


def _add_series(db: Database, subject: int, missing: Sequence[Identity], known: dict[Identity, int]) -> None:
    if not missing:
        return
    first = db.execute("select coalesce(max(id), 0) + 1 from series").fetchone()[0]
    fresh = {identity: first + index for index, identity in enumerate(dict.fromkeys(missing))}
    rows = [(number, *identity) for identity, number in fresh.items()]
    db.append("series", ("subject", subject), ("id", "database", "key"), rows)
    known.update(fresh)


def _add_batch(db: Database, subject: int, number: int, result: Result, seen: Sequence[int]) -> int:
    """A new newest batch; what it does not hold any more keeps the one before as its last."""
    before = db.execute("select max(id) from batches where subject = ?", (subject,)).fetchone()[0]
    db.execute("insert into batches (run, subject, at) values (?, ?, ?)", (number, subject, instant(result.started)))
    batch: int = db.execute("select id from batches where run = ?", (number,)).fetchone()[0]
    present = set(seen)
    gone = {row[0] for row in db.execute(
        "select id from series where subject = ? and last is not null", (subject,)
    )}  # fmt: skip
    held = {row[0] for row in db.execute("select series from samples where batch = ?", (before,))}
    _set_last(db, before, held - present)
    _set_last(db, None, present & gone)
    return batch


def _set_last(db: Database, batch: int | None, series: Collection[int]) -> None:
    if series:
        members = db.dialect.members
        db.execute(f"update series set last = ? where id in {members}", (batch, json_text(list(series))))  # noqa: S608
