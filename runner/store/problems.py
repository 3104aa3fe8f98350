"""Open and pending problems, and the transitions that led to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from runner.model.codec import clean, instant, moment
from runner.model.problem import Change, Memory, Problem, Transition
from runner.model.state import State
from runner.store.database import Database
from runner.store.values import instant_or_none, key_text, moment_or_none, series_of

_PROBLEM = "job, target, database, key, state, since, seen, count, opened, message"
_TRANSITION = "job, target, database, key, before, after, change, at, since, message"


def replace_problems(db: Database, job: str, target: str, problems: Iterable[Problem]) -> None:
    """Makes these the only problems of the job on the target."""
    db.execute("delete from problems where job = ? and target = ?", (job, target))
    db.executemany(
        f"insert into problems ({_PROBLEM}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        " on conflict (job, target, database, key) do update set state = excluded.state, since = excluded.since,"
        " seen = excluded.seen, count = excluded.count, opened = excluded.opened, message = excluded.message",
        (
            (job, target, clean(item.series.database), key_text(item.series.key), item.state.value,
             instant(item.since), instant(item.seen), item.count, instant_or_none(item.opened), clean(item.message))
            for item in problems
        ),
    )  # fmt: skip


def add_transitions(db: Database, transitions: Iterable[Transition]) -> None:
    db.executemany(
        f"insert into transitions ({_TRANSITION}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            (item.job, item.target, clean(item.series.database), key_text(item.series.key), item.before.value,
             item.after.value, item.change.value, instant(item.at), instant(item.since), clean(item.message))
            for item in transitions
        ),
    )  # fmt: skip


def read_memory(db: Database, job: str, target: str) -> Memory:
    rows = db.execute(
        f"select {_PROBLEM} from problems where job = ? and target = ?",  # noqa: S608
        (job, target),
    )
    return Memory(problems={problem.series: problem for problem in map(_problem, rows)})


def read_problems(db: Database, *, open_only: bool) -> tuple[Problem, ...]:
    condition = "opened is not null" if open_only else "true"
    rows = db.execute(
        f"select {_PROBLEM} from problems where {condition} order by job, target, database, key"  # noqa: S608
    )
    return tuple(map(_problem, rows))


def read_transitions(db: Database, job: str | None, since: datetime | None, limit: int) -> tuple[Transition, ...]:
    """The newest first."""
    rows = db.execute(
        f"select {_TRANSITION} from transitions"  # noqa: S608
        " where (cast(?1 as text) is null or job = ?1) and at >= ?2 order by at desc, id desc limit ?3",
        (job, instant_or_none(since) or "", limit),
    )
    return tuple(map(_transition, rows))


def _problem(row: Sequence[Any]) -> Problem:
    job, target, database, key, state, since, seen, count, opened, message = row
    return Problem(
        job=job, target=target, series=series_of(database, key), state=State(state), since=moment(since),
        seen=moment(seen), count=count, opened=moment_or_none(opened), message=message,
    )  # fmt: skip


def _transition(row: Sequence[Any]) -> Transition:
    job, target, database, key, before, after, change, at, since, message = row
    return Transition(
        job=job, target=target, series=series_of(database, key), before=State(before), after=State(after),
        change=Change(change), at=moment(at), since=moment(since), message=message,
    )  # fmt: skip
