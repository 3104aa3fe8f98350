"""What sinks were told of, and what operators acknowledged: open problems that somebody knows of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from runner.model.codec import clean, instant, moment
from runner.model.problem import Acknowledgement, Announced, Identity
from runner.model.report import Told
from runner.model.state import State
from runner.store.database import Database
from runner.store.values import instant_or_none, key_text, moment_or_none, series_of

_IDENTITY = "job, target, database, key"
_ACKNOWLEDGED = f"{_IDENTITY}, state, reason, author, at, until"


def read_announced(db: Database, sink: str) -> Announced:
    rows = db.execute(f"select {_IDENTITY}, state from announced where sink = ?", (sink,))  # noqa: S608
    return {(job, target, series_of(database, key)): State(state) for job, target, database, key, state in rows}


def write_told(db: Database, sink: str, told: Told, at: datetime) -> None:
    """Keeps what the sink was told of, and forgets what is over."""
    db.executemany(
        "delete from announced where sink = ? and job = ? and target = ? and database = ? and key = ?",
        [(sink, *_place(identity)) for identity in told.over],
    )
    db.executemany(
        f"insert into announced (sink, {_IDENTITY}, state, at) values (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        f" on conflict (sink, {_IDENTITY}) do update set state = excluded.state, at = excluded.at",
        [(sink, *_place(identity), state.value, instant(at)) for identity, state in told.open.items()],
    )


def write_acknowledged(db: Database, items: Iterable[Acknowledgement]) -> None:
    """Keeps them, each in place of an earlier one of the same problem."""
    db.executemany(
        f"insert into acknowledged ({_ACKNOWLEDGED}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        f" on conflict ({_IDENTITY}) do update set state = excluded.state, reason = excluded.reason,"
        " author = excluded.author, at = excluded.at, until = excluded.until",
        [
            (*_place(item.identity), item.state.value, clean(item.reason), clean(item.author), instant(item.at),
             instant_or_none(item.until))
            for item in items
        ],
    )  # fmt: skip


def read_acknowledged(db: Database, now: datetime) -> tuple[Acknowledgement, ...]:
    """Those whose time is not over."""
    rows = db.execute(
        f"select {_ACKNOWLEDGED} from acknowledged where until is null or until > ? order by {_IDENTITY}",  # noqa: S608
        (instant(now),),
    )
    return tuple(map(_acknowledgement, rows))


def remove_acknowledged(db: Database, identities: Iterable[Identity]) -> None:
    db.executemany(
        "delete from acknowledged where job = ? and target = ? and database = ? and key = ?",
        [_place(identity) for identity in identities],
    )


def end_acknowledged(db: Database, job: str, target: str) -> None:
    """Forgets acknowledgements of problems that are over or in another state than they were acknowledged in."""
    db.execute(
        "delete from acknowledged where job = ? and target = ? and not exists (select 1 from problems p"
        " where p.job = acknowledged.job and p.target = acknowledged.target and p.database = acknowledged.database"
        " and p.key = acknowledged.key and p.state = acknowledged.state and p.opened is not null)",
        (job, target),
    )


def forget_known(db: Database, before: datetime) -> None:
    """Forgets what nobody will hear of any more: problems that are gone, told of before then."""
    db.execute(
        "delete from announced where at < ? and not exists (select 1 from problems p where p.job = announced.job"
        " and p.target = announced.target and p.database = announced.database and p.key = announced.key)",
        (instant(before),),
    )


def _place(identity: Identity) -> tuple[str, str, str, str]:
    job, target, series = identity
    return (job, target, clean(series.database), key_text(series.key))


def _acknowledgement(row: Sequence[Any]) -> Acknowledgement:
    job, target, database, key, state, reason, author, at, until = row
    return Acknowledgement(
        job=job, target=target, series=series_of(database, key), state=State(state), reason=reason, author=author,
        at=moment(at), until=moment_or_none(until),
    )  # fmt: skip
