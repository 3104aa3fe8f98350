"""The blocks that VACUUM and ANALYZE went through, as each version of the server tells of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.api import Notice, QueryError, Rows, State
from runner.kinds.maintenance.buffers import BLOCK, Buffers, buffers_of
from tests.kinds.maintained import cells, context_for, maintain, make_dead_rows
from tests.kinds.support import Context
from tests.postgres import Database

TOLD = 'finished vacuuming "d.public.t": index scans: 1\nbuffer usage: {} hits, {} {}, {} dirtied\nWAL usage: 1 records'


def told(*messages: str, severity: str = "INFO") -> Rows:
    return Rows(notices=tuple(Notice(severity=severity, sqlstate="00000", message=text) for text in messages))


@pytest.mark.parametrize(
    ("answer", "blocks"),
    [
        (told(TOLD.format(50, 5, "misses", 4)), (50, 5, 4)),
        (told(TOLD.format(50, 5, "reads", 4), TOLD.format(7, 1, "reads", 0)), (57, 6, 4)),
        (told('vacuuming "d.public.t"', TOLD.format(0, 0, "reads", 0)), (0, 0, 0)),
        (told('vacuuming "d.public.t"'), None),
        (told("Puffer: 50 Treffer, 5 gelesen, 4 geschrieben"), None),
        (told(TOLD.format(50, 5, "misses", 4), severity="WARNING"), None),
        (QueryError(message="cancelled"), None),
        (None, None),
    ],
)
def test_what_is_told_is_summed(answer: Rows | QueryError | None, blocks: tuple[int, int, int] | None) -> None:
    wanted = blocks and Buffers(hit=blocks[0] * BLOCK, read=blocks[1] * BLOCK, dirtied=blocks[2] * BLOCK)
    assert buffers_of(answer) == wanted


@pytest.fixture
def context(database: Database) -> Iterator[Context]:
    made = context_for(database)
    with made.sessions:
        yield made


def columns(database: Database, context: Context, step: dict[str, object]) -> tuple[str, ...]:
    """Of the report's table, after the step did its work and nothing was wrong with it."""
    found = maintain(context, step)
    assert found.state is State.OK, found.findings
    [table] = [table for table in found.tables if table.title == "tables"]
    return table.columns


def test_the_report_shows_the_blocks_of_each_table_and_their_sum(database: Database, context: Context) -> None:
    make_dead_rows(database, "public.a", "public.b", rows=20000)
    found = maintain(context, {"vacuum": {"tables": ["a", "b"]}})
    if database.major < 15:
        assert all(len(row) == 8 for row in cells(found).values()), "this server does not tell"
        return
    rows = cells(found)
    pages = {name: database.value(f"select pg_relation_size('{name}') / 8192") for name in "ab"}
    for name, size in pages.items():
        hit, read, dirtied = (in_kilobytes(cell) for cell in rows[f"public.{name}"][-3:])
        assert hit + read >= size * 8, "every page of the table was looked at"
        assert 0 < dirtied <= hit + read
    assert in_kilobytes(rows["total"][-1]) >= in_kilobytes(rows["public.a"][-1])


def in_kilobytes(cell: str) -> float:
    number, unit = cell.split()
    return float(number) * {"B": 1 / 1024, "kB": 1, "MB": 1024}[unit]


@pytest.mark.parametrize(
    ("step", "since"),
    [
        ({"vacuum": {"tables": ["a"], "analyze": True}}, 15),
        ({"freeze": {"tables": ["a"]}}, 15),
        ({"analyze": {"tables": ["a"]}}, 18),
        ({"vacuum": {"tables": ["a"], "full": True, "exclusive": "allowed"}}, 99),
        ({"reindex": {"indexes": ["a"]}}, 99),
    ],
)
def test_where_the_server_does_not_tell_there_is_no_column(
    database: Database, context: Context, step: dict[str, object], since: int
) -> None:
    database.execute("create table a as select generate_series(1, 20000) as i", "create index on a (i)")
    assert ("dirtied" in columns(database, context, step)) is (database.major >= since)
