"""What the tests of maintenance share: a context for a database, and a job that is read and run as it would be."""

from __future__ import annotations

from runner.api import Outcome, ServerFacts, Target
from runner.kinds.maintenance.read import read
from runner.kinds.maintenance.run import run
from tests.kinds.support import Complaints, Context, job, mapping
from tests.postgres import Database, eventually

VACUUM = {"vacuum": {"analyze": True}}


def context_for(database: Database, user: str = "") -> Context:
    facts = ServerFacts(
        version=database.major * 10000,
        in_recovery=False,
        user=user or "postgres",
        superuser=not user,
        database=database.name,
        databases=(database.name,),
    )
    target = Target(name="main", options=database.options(user))
    return Context(target=target, server=facts, lock_timeout=0.2)


def maintain(context: Context, *steps: dict[str, object], **keys: object) -> Outcome:
    complaints = Complaints(params=context.params)
    window = keys.pop("window", None)
    spec = read(mapping({"maintenance": "m", "steps": list(steps), **keys}), complaints)
    assert complaints.found == []
    return run(context, job("m", "maintenance", spec, window=window))


def make_dead_rows(database: Database, *tables: str, rows: int = 1000, user: str = "") -> None:
    for table in tables:
        database.execute(
            f"create table {table} (id int, filler text default repeat('x', 50))",
            f"insert into {table} select generate_series(1, {rows})",
            f"delete from {table} where id % 2 = 0",
            user=user,
        )
        eventually(lambda table=table: dead_rows(database, table) >= rows // 2, what="the statistics")


def dead_rows(database: Database, table: str) -> int:
    return int(database.value(f"select coalesce(pg_stat_get_dead_tuples('{table}'::regclass), 0)"))


def cells(outcome: Outcome, title: str = "tables") -> dict[str, tuple[str, ...]]:
    return {row[0]: row for table in outcome.tables if table.title == title for row in table.rows}
