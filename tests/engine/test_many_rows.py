"""A check that returns far more rows than are kept: what is beyond the limit is dropped as it comes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from psycopg import pq

from runner.engine.database.server import Server
from runner.model.query import Query, QueryError, Rows
from runner.model.target import Target
from tests.postgres import Database

MILLION = "select n, repeat('x', 100) as filler from generate_series(1, 1000000) n"
ASKING = """
import resource, sys
from runner.engine.database.server import Server
from runner.model.query import Query
from runner.model.target import Target

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

server = Server(Target(name="main", options=dict(word.split("=", 1) for word in sys.argv[2:])))
server.answer([Query(sql="select 1")])
before = peak()
first, second = server.answer([Query(sql=sys.argv[1], max_rows=1000), Query(sql="select 1")])
print(len(first.rows), first.truncated, second.rows[0][0], peak() - before)
"""


@pytest.mark.skipif(pq.version() < 170000, reason="libpq hands out rows in pieces from 17 on")
def test_a_million_rows_cost_the_memory_of_those_that_are_kept(shared: Database) -> None:
    words = [f"{name}={value}" for name, value in shared.options().items()]
    done = subprocess.run(
        [sys.executable, "-c", ASKING, MILLION, *words], check=True, capture_output=True, text=True, timeout=120
    )
    kept, cut, second, more = done.stdout.split()
    assert (kept, cut, second) == ("1000", "True", "1")
    assert float(more) < 30, "all the rows together are more than 100 MB"


@pytest.mark.parametrize("count", [1, 1999, 2000, 2001, 5000])
def test_pieces_make_one_answer(shared: Database, count: int) -> None:
    server = Server(Target(name="main", options=shared.options()))
    (answer, other) = server.answer(
        [Query(sql=f"select n, 'v' || n as v from generate_series(1, {count}) n"), Query(sql="select 7")]
    )
    server.close()
    assert isinstance(answer, Rows)
    assert isinstance(other, Rows)
    assert (answer.columns, answer.truncated, other.rows) == (("n", "v"), False, ((7,),))
    assert answer.rows == tuple((number, f"v{number}") for number in range(1, count + 1))


def test_an_error_after_many_rows_is_the_answer(shared: Database) -> None:
    server = Server(Target(name="main", options=shared.options()))
    (answer, other) = server.answer(
        [Query(sql="select 1 / (4500 - n) from generate_series(1, 9000) n"), Query(sql="select 7")]
    )
    server.close()
    assert isinstance(answer, QueryError)
    assert answer.sqlstate == "22012"
    assert isinstance(other, Rows)
