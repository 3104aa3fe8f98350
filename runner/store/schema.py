"""The tables of the store, as a list of migrations that each run once; names in braces are the dialect's."""

from __future__ import annotations

from typing import Final

from runner.store.database import Database

_FIRST = (
    """create table facts (
        name {text} not null primary key,
        value {text} not null
    ) {keyed}""",
    """create table cursors (
        job {text} not null,
        target {text} not null,
        slot {text} not null,
        digest {text} not null,
        first_seen {text} not null,
        primary key (job, target)
    ) {keyed}""",
    """create table runs (
        id {counted},
        run {text} unique,
        job {text} not null,
        kind {text} not null,
        "group" {text} not null,
        target {text} not null,
        slot {text} not null,
        attempt {number} not null,
        tick {text} not null default '',
        status {text} not null check (status in ('running', 'done', 'interrupted', 'missed', 'skipped')),
        reason {text} not null default '',
        state {text},
        summary {text} not null default '',
        started {text},
        finished {text},
        report {text},
        unique (job, target, slot, attempt)
    ) {rows}""",
    "create index runs_slot on runs (slot)",
    "create index runs_running on runs (id) where status = 'running'",
    "create index runs_unreported on runs (id) where status = 'done' and report is null",
    """create table results (
        run {number} primary key references runs (id) on delete cascade,
        data {text} not null
    ) {rows}""",
    """create table newest (
        job {text} not null,
        target {text} not null,
        run {number} not null references runs (id),
        primary key (job, target)
    ) {keyed}""",
    "create index newest_run on newest (run)",
    # Whose samples: a job on a target, by number, because it stands in every series.
    """create table subjects (
        id {numbered},
        job {text} not null,
        target {text} not null,
        unique (job, target)
    ) {rows}""",
    # One batch per run keeps samples in the order of their arrival: a sweep over 100,000 rows appends, and
    # reading the previous run is one range.
    """create table batches (
        id {counted},
        run {number} unique references runs (id) on delete set null,
        subject {number} not null references subjects (id),
        at {text} not null
    ) {rows}""",
    "create index batches_at on batches (subject, at)",
    # `last` is the batch that held the series last, null while it is in its subject's newest batch: so a
    # steady sweep changes no row here.
    """create table series (
        id {number} primary key,
        subject {number} not null references subjects (id),
        database {text} not null,
        key {text} not null,
        last {number},
        unique (subject, database, key)
    ) {rows}""",
    "create index series_gone on series (subject, last) where last is not null",
    """create table samples (
        batch {number} not null,
        series {number} not null,
        place {number} not null,
        data {text} not null,
        primary key (batch, series, place)
    ) {keyed}""",
    """create table problems (
        job {text} not null,
        target {text} not null,
        database {text} not null,
        key {text} not null,
        state {text} not null,
        since {text} not null,
        seen {text} not null,
        count {number} not null,
        opened {text},
        message {text} not null,
        primary key (job, target, database, key)
    ) {keyed}""",
    """create table transitions (
        id {counted},
        job {text} not null,
        target {text} not null,
        database {text} not null,
        key {text} not null,
        before {text} not null,
        after {text} not null,
        change {text} not null,
        at {text} not null,
        since {text} not null,
        message {text} not null
    ) {rows}""",
    "create index transitions_at on transitions (job, at)",
    """create table reports (
        id {text} not null primary key,
        created {text} not null,
        data {text} not null
    ) {rows}""",
    """create table deliveries (
        seq {counted},
        id {text} not null unique,
        report {text} not null references reports (id) on delete cascade,
        sink {text} not null,
        state {text} not null check (state in ('pending', 'done', 'failed')),
        attempts {number} not null,
        next_try {text},
        expires {text},
        error {text} not null
    ) {rows}""",
    "create index deliveries_pending on deliveries (next_try) where state = 'pending'",
    "create index deliveries_report on deliveries (report)",
)

_SECOND = (
    # A row can stand for `slots` slots that nobody ran, the oldest of which is `since`.
    "alter table runs add column slots {number} not null default 1",
    "alter table runs add column since {text}",
    # When the home stopped having the job, null while it has it.
    "alter table cursors add column retired {text}",
    # Seconds that an aggregated batch stands for; 0 is one run as it was.
    "alter table batches add column span {number} not null default 0",
    # What is old is found without reading what is young.
    "create index batches_span on batches (span, at)",
    "create index runs_report on runs (report) where report is not null",
    "create index reports_created on reports (created)",
    # Deliveries of one group keep their order; before, every report's id was its group and 28 characters more.
    "alter table deliveries add column \"group\" {text} not null default ''",
    'update deliveries set "group" = substr(report, 1, length(report) - 28) where length(report) > 28',
    # Problems that a sink was told of: only their recovery is worth telling.
    """create table announced (
        sink {text} not null,
        job {text} not null,
        target {text} not null,
        database {text} not null,
        key {text} not null,
        state {text} not null,
        at {text} not null,
        primary key (sink, job, target, database, key)
    ) {keyed}""",
    """create table acknowledged (
        job {text} not null,
        target {text} not null,
        database {text} not null,
        key {text} not null,
        state {text} not null,
        reason {text} not null,
        author {text} not null,
        at {text} not null,
        until {text},
        primary key (job, target, database, key)
    ) {keyed}""",
    """create table silences (
        id {text} not null primary key,
        jobs {text} not null,
        targets {text} not null,
        keys {text} not null,
        reason {text} not null,
        author {text} not null,
        at {text} not null,
        until {text} not null
    ) {keyed}""",
)

_THIRD = (
    # The tick that handed the run out, while its result is still to be told together with the others of that tick.
    "alter table runs add column wave {text} not null default ''",
    "create index runs_wave on runs (wave, \"group\") where status = 'running' and wave <> ''",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST, _SECOND, _THIRD)
"""Statements by version, the first makes version 1. What is here is never changed, only added to."""

VERSION: Final = len(MIGRATIONS)


def bring_up_to_date(db: Database, version: int) -> None:
    """Makes tables of an older version (0: none) those of VERSION, inside the caller's transaction."""
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            db.execute(statement.format_map(db.dialect.types))
