"""Twenty checks on each of 500 databases, near and 20 ms away, beside a bare threaded loop that sends the same SQL.

The loop opens the same number of connections, sends each database's queries in one pipeline, and throws the answers away:
what it takes is what servers, network and driver take. `runner` also reads its home, judges, and writes its history.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from costs import by_turns

from runner.app.crontab import own_command
from runner.demo.embedded import Server

DATABASES, CHECKS, CONNECTIONS, ROUNDS, DELAY = 500, 20, 4, 3, 20
AIM, MEMORY = 1.2, 250
QUERIES = (
    "select count(*) as n from pg_stat_activity where datname = current_database()",
    "select coalesce(sum(n_dead_tup), 0)::bigint as n from pg_stat_user_tables",
    "select relname as name, n_live_tup as n from pg_stat_user_tables order by 2 desc limit 3",
    "select pg_database_size(current_database()) as n",
    "select count(*) as n from pg_index where not indisvalid",
)
BARE = """\
import sys
from concurrent.futures import ThreadPoolExecutor
import psycopg

host, port, count, width, queries = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]

def look(number):
    address = f"host={host} port={port} user=postgres dbname=d{number}"
    with psycopg.connect(address, autocommit=True) as connection, connection.pipeline():
        for cursor in [connection.execute(query) for query in queries]:
            cursor.fetchall()

with ThreadPoolExecutor(width) as pool:
    list(pool.map(look, range(count)))
"""


def query(number: int) -> str:
    """No two are alike, or the server's caches would do the work of one."""
    return f"{QUERIES[number % len(QUERIES)]} -- {number}"


def fill(server: Server, databases: int) -> None:
    """Databases with ten tables each, copied from one."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create database pattern")
    with psycopg.connect(server.dsn("pattern"), autocommit=True) as connection:
        for number in range(10):
            connection.execute(
                f"create table t{number} as select n, n::text as v from generate_series(1, 100) n".encode()
            )
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for number in range(databases):
            connection.execute(f"create database d{number} template pattern".encode())


def write_home(home: Path, host: str, port: str, checks: int) -> list[str]:
    (home / "checks.d").mkdir(parents=True)
    target = {"host": host, "port": port, "user": "postgres", "databases": {"include": ["d*"]}}
    settings = {"version": 1, "targets": {"main": target}, "sinks": {"log": {"type": "log_file", "path": "log"}}}
    (home / "runner.yaml").write_text(json.dumps({**settings, "connections": CONNECTIONS}))
    jobs = [
        {
            "check": f"number-{number}",
            "sql": query(number),
            **({"key": ["name"]} if "as name" in query(number) else {}),
            "columns": {"n": "count"},
            "warning": "n > 10_000_000_000",
        }
        for number in range(checks)
    ]
    (home / "checks.d" / "fleet.yaml").write_text(
        json.dumps({"schedule": "hourly", "for_each": "database", "jobs": jobs})
    )
    return [*own_command(), "--home", str(home), "run", "fleet", "--json"]


@contextmanager
def far(server: Server, milliseconds: int) -> Iterator[tuple[str, str]]:
    """Host and port of the server with so much added to each round trip; none added is the socket itself."""
    if not milliseconds:
        yield str(server.sockets), str(server.port)
        return
    place = f"{server.sockets}/.s.PGSQL.{server.port}"
    program = [sys.executable, str(Path(__file__).with_name("delay.py")), str(milliseconds), place]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            yield "127.0.0.1", proxy.stdout.readline().strip()
        finally:
            proxy.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=int, default=DATABASES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    given = parser.parse_args()
    databases, rounds = (5, 1) if given.quick else (given.databases, given.rounds)
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = Server.start(folder / "pg", {"shared_buffers": "128MB"})
        try:
            fill(server, databases)
            print(
                f"{CHECKS} checks on each of {databases} databases, {CONNECTIONS} connections, PostgreSQL {server.major}"
            )
            for delay in (0, DELAY):
                with far(server, delay) as (host, port):
                    ours = write_home(folder / f"home-{delay}", host, port, CHECKS)
                    queries = [query(number) for number in range(CHECKS)]
                    bare = [sys.executable, "-c", BARE, host, port, str(databases), str(CONNECTIONS), *queries]
                    mine, loop = by_turns(rounds, ours, bare, fine=frozenset({0, 1, 2, 3}))
                print(f"{delay} ms added to a round trip")
                print(f"  bare loop  {loop}")
                print(f"  runner     {mine}   {mine.wall / loop.wall:.2f} times as long (aim: {AIM}, {MEMORY} MB)")
        finally:
            server.remove()


if __name__ == "__main__":
    main()
