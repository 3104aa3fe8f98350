"""Silences that operators set by command, beside those of runner.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from runner.errors import StoreError
from runner.model.codec import clean, instant, moment
from runner.model.home import Silence
from runner.model.target import Selector
from runner.store.database import Database
from runner.store.values import json_text

_COLUMNS = "id, jobs, targets, keys, reason, author, at, until"


def add_silence(db: Database, silence: Silence, now: datetime) -> str:
    """Keeps the silence and returns its id: `s1`, `s2` and so on; a number is never given twice."""
    if silence.until is None:
        raise StoreError("a silence without an end cannot be kept")
    db.execute(
        "insert into facts (name, value) values ('silences', '1')"
        " on conflict (name) do update set value = cast(cast(facts.value as integer) + 1 as text)"
    )
    (number,) = db.execute("select value from facts where name = 'silences'").fetchone()
    name = f"s{number}"
    db.execute(
        f"insert into silences ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (name, *map(_list, (silence.jobs, silence.targets.names, silence.keys)), clean(silence.reason),
         clean(silence.author), instant(silence.at or now), instant(silence.until)),
    )  # fmt: skip
    return name


def read_silences(db: Database, now: datetime) -> tuple[Silence, ...]:
    """Those that have not ended, in the order in which they were set."""
    rows = db.execute(
        f"select {_COLUMNS} from silences where until > ? order by at, id",  # noqa: S608
        (instant(now),),
    )
    return tuple(map(_silence, rows))


def remove_silences(db: Database, ids: Iterable[str]) -> None:
    db.executemany("delete from silences where id = ?", [(name,) for name in ids])


def forget_silences(db: Database, before: datetime) -> None:
    """Forgets those that ended before then."""
    db.execute("delete from silences where until < ?", (instant(before),))


def _list(names: Iterable[str]) -> str:
    return json_text([clean(name) for name in names])


def _silence(row: Sequence[Any]) -> Silence:
    name, jobs, targets, keys, reason, author, at, until = row
    return Silence(
        id=name, jobs=tuple(json.loads(jobs)), targets=Selector(names=tuple(json.loads(targets))),
        keys=tuple(json.loads(keys)), reason=reason, author=author, at=moment(at), until=moment(until),
    )  # fmt: skip
