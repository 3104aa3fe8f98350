"""Twenty checks on each of 500 databases, near and 20 ms away, beside a bare threaded loop that sends the same SQL.

The loop opens the same number of connections, sends each database's queries in one pipeline, and throws the answers away:
what it takes is what servers, network and driver take. `runner` also reads its home, judges, and writes its history.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from costs import Cost, cost, middle
from figures import Figures, arguments

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
def far(server: Server, milliseconds: int) -> Iterator[tuple[str, str, Callable[[], int]]]:
    """Host and port of the server with so much added to each round trip, and who tells the most connections at once.

    With none added it is the socket itself, where nobody counts.
    """
    if not milliseconds:
        yield str(server.sockets), str(server.port), lambda: 0
        return
    place = f"{server.sockets}/.s.PGSQL.{server.port}"
    program = [sys.executable, str(Path(__file__).with_name("delay.py")), str(milliseconds), place]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        output = proxy.stdout

        def most() -> int:
            proxy.send_signal(signal.SIGUSR1)
            return int(output.readline())

        try:
            yield "127.0.0.1", output.readline().strip(), most
        finally:
            proxy.terminate()


def measure(
    rounds: int, ours: list[str], bare: list[str], most: Callable[[], int]
) -> tuple[list[tuple[Cost, Cost]], int]:
    """What both cost, by turns, and how many connections ours had at once."""
    costs, peaks = list[tuple[Cost, Cost]](), [0]
    for _ in range(rounds):
        mine = cost(ours, fine=frozenset({0, 1, 2, 3}))
        peaks.append(most())
        costs.append((mine, cost(bare)))
        most()
    return costs, max(peaks)


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--databases", type=int, default=DATABASES)
    given = parser.parse_args()
    databases, rounds = (5, 1) if given.quick else (given.databases, given.rounds)
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = Server.start(folder / "pg", {"shared_buffers": "128MB"})
        try:
            fill(server, databases)
            what = f"{CHECKS} checks on each of {databases} databases, {CONNECTIONS} connections"
            figures = Figures("fleet", f"{what}; {rounds} processes", given.quick)
            figures.versions["PostgreSQL"] = str(server.major)
            print(f"{figures.sizes}, PostgreSQL {server.major}")
            for delay in (0, DELAY):
                with far(server, delay) as (host, port, most):
                    ours = write_home(folder / f"home-{delay}", host, port, CHECKS)
                    queries = [query(number) for number in range(CHECKS)]
                    bare = [sys.executable, "-c", BARE, host, port, str(databases), str(CONNECTIONS), *queries]
                    costs, peaks = measure(rounds, ours, bare, most)
                    mine, loop = (middle(each) for each in zip(*costs, strict=True))
                print(f"{delay} ms added to a round trip")
                print(f"  bare loop  {loop}")
                print(f"  runner     {mine}   {mine.wall / loop.wall:.2f} times as long (aim: {AIM}, {MEMORY} MB)")
                where = f"{delay} ms away" if delay else "local"
                figures.add(f"{where}, beside a bare loop", mine.wall / loop.wall, "times", AIM)
                figures.add_process(where, mine, memory=MEMORY)
                figures.add(f"{where}, the bare loop", loop.wall, "s")
                if delay:
                    print(f"  at most {peaks} connections at once")
                    figures.add(f"{where}: connections at once", peaks, "", CONNECTIONS)
            figures.write()
        finally:
            server.remove()


if __name__ == "__main__":
    main()
