"""A database whose structure is sound, with all that looks nearly like a fault; and whole areas of the catalogue at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from runner.app.catalogue.entries import Known, known_of
from runner.app.loading import load
from tests.cli.support import runner
from tests.postgres import Database
from tests.shipped.support import LOOKS, ROOT

_SOUND = (
    'create schema "od.d"',
    "create table r (id bigint primary key, code text unique)",
    "create table pair (a bigint, b bigint, primary key (a, b))",
    # Near duplicates: another condition, order, operator class, collation, method, uniqueness.
    "create table i (id bigint primary key, n int not null, t text, unique (n))",
    "create index on i (t)",
    "create index on i (t desc nulls first)",
    "create index on i (t text_pattern_ops)",
    'create index on i (t collate "C")',
    "create index on i using hash (t)",
    "create index on i (t) where n > 5",
    "create index on i (t) where n > 6",
    "create index on i (lower(t))",
    "create index on i (upper(t))",
    # Foreign keys that have their index: reversed, conditional, through a unique one, in each partition by itself.
    ('create table "od.d"."F" (id bigint primary key, r bigint references r, a bigint not null, b bigint not null, '
    "foreign key (a, b) references pair)"),
    'create index on "od.d"."F" (r) where r is not null',
    'create index on "od.d"."F" (b, a, id)',
    ("create table p (id bigint not null, ts timestamptz not null, r bigint references r, primary key (id, ts)) "
    "partition by range (ts)"),
    "create table p1 partition of p for values from (minvalue) to (maxvalue)",
    "create index on p1 (r)",
    # Partitions ahead, an empty default, one by another column, and one that is retired.
    "create table ahead (ts date primary key) partition by range (ts)",
    "create table ahead1 partition of ahead for values from ('2020-01-01') to ('2100-01-01')",
    "create table ahead2 partition of ahead default",
    "create table old (ts date primary key) partition by range (ts)",
    "create table old1 partition of old for values from ('2019-01-01') to ('2020-01-01')",
    "create table numbers (id bigint primary key) partition by range (id)",
    "create table numbers1 partition of numbers for values from (1) to (1000)",
    # Within a year, months: they end with it.
    "create table sub (ts date, id bigint, primary key (ts, id)) partition by range (ts)",
    "create table sub1 partition of sub for values from ('2020-01-01') to (maxvalue) partition by range (ts)",
    "create table sub2 partition of sub1 for values from ('2020-01-01') to ('2020-02-01')",
    # A publication that sends no changes of rows, and one that knows them.
    "create table log (at timestamptz)",
    "alter table log replica identity full",
    "create table nothing (x bigint)",
    "create publication known for table r, log, p",
    "create publication inserts for table nothing with (publish = 'insert')",
    "create view v1 as select * from r",
    "create view v2 as select * from v1",
    "insert into r select g, g from generate_series(1, 100) g",
    "insert into ahead values ('2026-01-01')",
)  # fmt: skip
# Of a session, and nobody else's affair.
_TEMPORARY = (
    'create temporary table "T" (a timestamp, b money)',
    'create index on "T" (a)',
    'create index on "T" (a)',
    'alter table "T" add check (a is not null) not valid',
    'create temporary table "P" (a date) partition by range (a)',
    "create temporary table \"P1\" partition of \"P\" for values from ('2026-01-01') to ('2026-02-01')",
)


@contextmanager
def sound(database: Database) -> Iterator[None]:
    """The database gets tables that nothing is wrong with; a session with temporary ones stays open."""
    database.execute(*_SOUND)
    with database.session(*_TEMPORARY):
        yield


@cache
def entries() -> Mapping[str, Known]:
    """Every check of the catalogue that comes with runner, by name."""
    return {item.name: item for item in known_of(load(str(ROOT), no_plugins=True, environ={}))}


@cache
def area(name: str) -> tuple[str, ...]:
    """The checks of a file of the catalogue."""
    return tuple(item.name for item in entries().values() if item.entry.area == name)


def write_area(
    path: Path, options: Mapping[str, str], name: str, values: Mapping[str, Mapping[str, Any]] | None = None
) -> Path:
    """A home with every check of an area."""
    (path / "checks.d").mkdir(parents=True)
    target = json.dumps({**options, "connect_timeout": "5"})
    (path / "runner.yaml").write_text(f"version: 1\ntargets: {{main: {target}}}\nsinks: {{}}\n")
    jobs = [{"use": check, **(values or {}).get(check, {})} for check in area(name)]
    (path / "checks.d" / "area.yaml").write_text(
        json.dumps({"schedule": "hourly", "lock_timeout": "200ms", "jobs": jobs})
    )
    return path


def run_area(home: Path, *jobs: str) -> dict[str, Any]:
    """The results of these jobs, all unless some are named, by the names of the catalogue."""
    found: dict[str, Any] = {}
    for job in jobs or ("area",):
        said = runner("run", job, "--json", home=home)
        assert said.err == "", said.err
        document = said.json()
        reports = document.get("reports", [document])
        found |= {f"pg.{result['job']}": result for report in reports for result in report["results"]}
    LOOKS.extend((name, result["state"]) for name, result in found.items())
    return found


def states(found: Mapping[str, Any]) -> dict[str, str]:
    """The state of each result."""
    return {name: result["state"] for name, result in found.items()}


def settle(database: Database, *statements: str) -> None:
    """Runs the statements in one session and hands in its counts at once, where the server can."""
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())
        if database.major >= 15:
            connection.execute("select pg_stat_force_next_flush()")
