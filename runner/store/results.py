"""Results as they were recorded; their observations are kept once, as samples."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from runner.errors import StoreError
from runner.model.codec import decode, encode
from runner.model.result import Result
from runner.store.samples import read_observations
from runner.store.values import json_text


def write_result(connection: sqlite3.Connection, number: int, result: Result) -> None:
    """Keeps the result as the newest of its job and target."""
    slim = result.with_outcome(replace(result.outcome, observations=()))
    connection.execute("insert into results (run, data) values (?, ?)", (number, json_text(encode(slim))))
    connection.execute(
        "insert into newest (job, target, run) values (?, ?, ?)"
        " on conflict (job, target) do update set run = max(run, excluded.run)",
        (result.job, result.target, number),
    )


def read_result(connection: sqlite3.Connection, number: int, data: str) -> Result:
    """The result of run `number` with its observations."""
    try:
        result: Result = decode(Result, json.loads(data))
    except ValueError as error:
        raise StoreError(f"the recorded result of run number {number} cannot be read: {error}") from error
    return result.with_outcome(replace(result.outcome, observations=read_observations(connection, number)))


def unreported_results(connection: sqlite3.Connection) -> tuple[Result, ...]:
    rows = connection.execute(
        "select id, data from runs join results on results.run = runs.id"
        " where status = 'done' and report is null order by id"
    ).fetchall()
    return tuple(read_result(connection, number, data) for number, data in rows)


def latest_results(connection: sqlite3.Connection, job: str | None) -> tuple[Result, ...]:
    rows = connection.execute(
        "select newest.run, data from newest join results on results.run = newest.run"
        " where ? is null or job = ? order by job, target",
        (job, job),
    ).fetchall()
    return tuple(read_result(connection, number, data) for number, data in rows)
