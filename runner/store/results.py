"""Results as they were recorded; their observations are kept once, as samples."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from runner.errors import StoreError
from runner.model.codec import decode, encode
from runner.model.result import Result
from runner.store.database import Database
from runner.store.samples import read_observations
from runner.store.values import json_text


def write_result(db: Database, number: int, result: Result) -> Any:
    """Keeps the result as the newest of its job and target; returns it as plain data, without its observations."""
    plain = encode(result.with_outcome(replace(result.outcome, observations=())))
    db.execute("insert into results (run, data) values (?, ?)", (number, json_text(plain)))
    db.execute(
        "insert into newest (job, target, run) values (?, ?, ?)"
        " on conflict (job, target) do update set run = case when excluded.run > newest.run then excluded.run else newest.run end",
        (result.job, result.target, number),
    )
    return plain


def read_result(db: Database, number: int, data: str) -> Result:
    """The result of run `number` with its observations."""
    try:
        result: Result = decode(Result, json.loads(data))
    except ValueError as error:
        raise StoreError(f"the recorded result of run number {number} cannot be read: {error}") from error
    return result.with_outcome(replace(result.outcome, observations=read_observations(db, number)))


_UNREPORTED: Final = """
    select id, data, tick, wave from runs join results on results.run = runs.id
    where status = 'done' and report is null
"""
_WAVE_GOES_ON: Final = "select 1 from runs where wave = ? and \"group\" = ? and status = 'running' limit 1"


def unreported_results(db: Database, alive: Collection[str]) -> tuple[Result, ...]:
    """Results that nobody is about to tell: of ticks that are gone, and of waves of which nothing runs any more."""
    rows = db.execute(
        f"{_UNREPORTED} and (wave = '' or not exists (select 1 from runs o where o.wave = runs.wave"  # noqa: S608
        ' and o."group" = runs."group" and o.status = \'running\')) order by id'
    ).fetchall()
    return tuple(read_result(db, number, data) for number, data, tick, wave in rows if wave or tick not in alive)


def ticks_that_report(db: Database) -> frozenset[str]:
    rows = db.execute("select distinct tick from runs where status = 'done' and report is null and wave = ''")
    return frozenset(tick for (tick,) in rows.fetchall())


def results_of_wave(db: Database, wave: str, group: str) -> tuple[Result, ...]:
    """What is to be told of the group when the last of its runs in the wave has ended; before that nothing."""
    if db.execute(_WAVE_GOES_ON, (wave, group)).fetchone():
        return ()
    rows = db.execute(f'{_UNREPORTED} and wave = ? and "group" = ? order by id', (wave, group)).fetchall()
    return tuple(read_result(db, number, data) for number, data, _, _ in rows)


def adopt_results(db: Database, tick: str, alive: Collection[str]) -> tuple[Result, ...]:
    """What no report tells of and no living tick will; it becomes this tick's, so that others leave it alone."""
    found = unreported_results(db, alive)
    db.executemany("update runs set tick = ?, wave = '' where run = ?", [(tick, result.run) for result in found])
    return found


def latest_results(db: Database, job: str | None) -> tuple[Result, ...]:
    rows = db.execute(
        "select newest.run, data from newest join results on results.run = newest.run"
        " where cast(?1 as text) is null or job = ?1 order by job, target",
        (job,),
    ).fetchall()
    return tuple(read_result(db, number, data) for number, data in rows)
