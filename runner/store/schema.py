"""The tables of the SQLite store, as a list of migrations that each run once."""

from __future__ import annotations

import sqlite3
from typing import Final

APPLICATION_ID: Final = 0x52554E52
"""`RUNR` in the file's header: tells our files from those of other programs."""

# STRICT came with SQLite 3.37; an older library keeps the same data without it.
_STRICT = "strict" if sqlite3.sqlite_version_info >= (3, 37) else ""
_STRICT_WITHOUT_ROWID = f"{_STRICT}, without rowid" if _STRICT else "without rowid"

_FIRST = (
    f"""create table facts (
        name text not null primary key,
        value text not null
    ) {_STRICT_WITHOUT_ROWID}""",
    f"""create table cursors (
        job text not null,
        target text not null,
        slot text not null,
        digest text not null,
        first_seen text not null,
        primary key (job, target)
    ) {_STRICT_WITHOUT_ROWID}""",
    f"""create table runs (
        id integer primary key autoincrement,
        run text unique,
        job text not null,
        kind text not null,
        "group" text not null,
        target text not null,
        slot text not null,
        attempt integer not null,
        tick text not null default '',
        status text not null check (status in ('running', 'done', 'interrupted', 'missed', 'skipped')),
        reason text not null default '',
        state text,
        summary text not null default '',
        started text,
        finished text,
        report text,
        unique (job, target, slot, attempt)
    ) {_STRICT}""",
    "create index runs_slot on runs (slot)",
    "create index runs_running on runs (id) where status = 'running'",
    "create index runs_unreported on runs (id) where status = 'done' and report is null",
    f"""create table results (
        run integer primary key references runs (id) on delete cascade,
        data text not null
    ) {_STRICT}""",
    f"""create table newest (
        job text not null,
        target text not null,
        run integer not null references runs (id),
        primary key (job, target)
    ) {_STRICT_WITHOUT_ROWID}""",
    "create index newest_run on newest (run)",
    # Whose samples: a job on a target, by number, because it stands in every series.
    f"""create table subjects (
        id integer primary key,
        job text not null,
        target text not null,
        unique (job, target)
    ) {_STRICT}""",
    # One batch per run keeps samples in the order of their arrival: a sweep over 100,000 rows appends, and
    # reading the previous run is one range.
    f"""create table batches (
        id integer primary key autoincrement,
        run integer unique references runs (id) on delete set null,
        subject integer not null references subjects (id),
        at text not null
    ) {_STRICT}""",
    "create index batches_at on batches (subject, at)",
    # `last` is the batch that held the series last, null while it is in its subject's newest batch: so a
    # steady sweep changes no row here.
    f"""create table series (
        id integer primary key,
        subject integer not null references subjects (id),
        database text not null,
        key text not null,
        last integer,
        unique (subject, database, key)
    ) {_STRICT}""",
    "create index series_gone on series (subject, last) where last is not null",
    f"""create table samples (
        batch integer not null,
        series integer not null,
        place integer not null,
        data text not null,
        primary key (batch, series, place)
    ) {_STRICT_WITHOUT_ROWID}""",
    f"""create table problems (
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        state text not null,
        since text not null,
        seen text not null,
        count integer not null,
        opened text,
        message text not null,
        primary key (job, target, database, key)
    ) {_STRICT_WITHOUT_ROWID}""",
    f"""create table transitions (
        id integer primary key autoincrement,
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        before text not null,
        after text not null,
        change text not null,
        at text not null,
        since text not null,
        message text not null
    ) {_STRICT}""",
    "create index transitions_at on transitions (job, at)",
    f"""create table reports (
        id text not null primary key,
        created text not null,
        data text not null
    ) {_STRICT}""",
    f"""create table deliveries (
        seq integer primary key autoincrement,
        id text not null unique,
        report text not null references reports (id) on delete cascade,
        sink text not null,
        state text not null check (state in ('pending', 'done', 'failed')),
        attempts integer not null,
        next_try text,
        expires text,
        error text not null
    ) {_STRICT}""",
    "create index deliveries_pending on deliveries (next_try) where state = 'pending'",
    "create index deliveries_report on deliveries (report)",
)

_SECOND = (
    # A row can stand for `slots` slots that nobody ran, the oldest of which is `since`.
    "alter table runs add column slots integer not null default 1",
    "alter table runs add column since text",
    # When the home stopped having the job, null while it has it.
    "alter table cursors add column retired text",
    # Seconds that an aggregated batch stands for; 0 is one run as it was.
    "alter table batches add column span integer not null default 0",
    # Problems that a sink was told of: only their recovery is worth telling.
    f"""create table announced (
        sink text not null,
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        state text not null,
        at text not null,
        primary key (sink, job, target, database, key)
    ) {_STRICT_WITHOUT_ROWID}""",
    f"""create table acknowledged (
        job text not null,
        target text not null,
        database text not null,
        key text not null,
        state text not null,
        reason text not null,
        author text not null,
        at text not null,
        until text,
        primary key (job, target, database, key)
    ) {_STRICT_WITHOUT_ROWID}""",
    f"""create table silences (
        id text not null primary key,
        jobs text not null,
        targets text not null,
        keys text not null,
        reason text not null,
        author text not null,
        at text not null,
        until text not null
    ) {_STRICT_WITHOUT_ROWID}""",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST, _SECOND)
"""Statements by version, the first makes version 1. What is here is never changed, only added to."""

VERSION: Final = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables in the file; 0 for a new file."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Brings older tables to VERSION inside the caller's transaction, one version after the other."""
    if version_of(connection) >= VERSION:
        return
    for statements in MIGRATIONS[version_of(connection) :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"pragma application_id = {APPLICATION_ID}")
    connection.execute(f"pragma user_version = {VERSION}")
