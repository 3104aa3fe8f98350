"""The preset `standard` as one tick of `run-due --loop`, and on a server that is 20 ms away, beside its SQL in psql.

A tick of a loop is a fork of a process that has imported everything already; all else it does as a cold one. The server
is far away through bench/delay.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from catalogue import DATABASE, TABLES, Ours, fill, same_sql, standard
from costs import ENVIRONMENT, cost, middle
from figures import Figures, arguments
from fleet import far

from runner.demo.embedded import Server

ROUNDS, DELAY, CHECKS = 7, 20, 60
AIM_WARM, AIM_FAR, AIM_FAR_WARM, AIM_TRIPS = 1.0, 0.25, 0.15, 10
STATES = frozenset({0, 1, 2, 3})
WARM = """\
import os, sys, time

from runner.app.loading import load
from runner.app.warm import Starter
from runner.cli.main import run

home, rounds, *words = sys.argv[1:]
starter = Starter(load(home, environ=os.environ), lambda: run(words), words)
for _ in range(int(rounds) + 1):
    began = time.perf_counter()
    os.waitpid(starter.start(), 0)
    print(time.perf_counter() - began, file=sys.stderr)
"""


def warm(home: Path, words: Sequence[str], rounds: int) -> float:
    """The median of ticks that start as a loop starts them; the first is not counted."""
    command = [sys.executable, "-c", WARM, str(home), str(rounds), *words[1:]]
    done = subprocess.run(
        command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    return median([float(line) for line in done.stderr.split()][1:])


def psql_of(script: Path, host: str, port: str) -> list[str]:
    address = ["-h", host, "-p", port, "-U", "postgres", "-d", DATABASE]
    return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, *address, "-f", str(script)]


def compare(folder: Path, server: Server, host: str, port: str, delay: int, figures: Figures) -> float:
    """The cold process's seconds."""
    jobs = standard()[: 10 if figures.quick else CHECKS]
    home = folder / f"home-{delay}"
    ours = Ours(home, server)
    words = ours.write([job.name for job in jobs])
    settings = json.loads((home / "runner.yaml").read_text())
    settings["targets"]["main"] |= {"host": host, "port": port}
    (home / "runner.yaml").write_text(json.dumps(settings))
    first = subprocess.run(words, env=ENVIRONMENT, check=False, capture_output=True)
    script = folder / "same.sql"
    script.write_text(same_sql(jobs, json.loads(first.stdout)["results"], server.major))
    rounds = 1 if figures.quick else ROUNDS
    pairs = [
        (cost(words, fine=STATES), cost(psql_of(script, host, port), PGOPTIONS="-c jit=off")) for _ in range(rounds)
    ]
    mine, other = (middle(costs) for costs in zip(*pairs, strict=True))
    loop = warm(home, words, rounds)
    where = f"{delay} ms away" if delay else "local"
    print(
        f"{len(jobs)} checks, {where}\n  cold           {mine}\n  in the loop    {loop * 1000:.0f} ms\n  psql -f        {other}"
    )
    if delay:
        figures.add(f"{len(jobs)} checks, {where}, cold, beside `psql -f`", mine.wall / other.wall, "times", AIM_FAR)
    figures.add(
        f"{len(jobs)} checks, {where}, as a tick of the loop, beside `psql -f`",
        loop / other.wall, "times", AIM_FAR_WARM if delay else AIM_WARM,
    )  # fmt: skip
    figures.add(f"{len(jobs)} checks, {where}, cold", mine.wall, "s")
    figures.add(f"{len(jobs)} checks, {where}, as a tick of the loop", loop, "s")
    figures.add(f"`psql -f`, {where}", other.wall, "s")
    return mine.wall


def main() -> None:
    given = arguments(__doc__, ROUNDS).parse_args()
    figures = Figures("warm_and_far", f"a database of 200 tables; {given.rounds} rounds", given.quick)
    if shutil.which("psql") is None:
        figures.miss("psql is not installed, so there is nothing to compare with")
        figures.write()
        return
    with tempfile.TemporaryDirectory(prefix="runner-bench-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        folder.chmod(0o755)
        server = Server.start(folder / "pg", {"shared_buffers": "128MB"})
        try:
            fill(server, 20 if given.quick else TABLES)
            figures.versions["PostgreSQL"] = str(server.major)
            near = compare(folder, server, str(server.sockets), str(server.port), 0, figures)
            with far(server, DELAY) as (host, port, _):
                away = compare(folder, server, host, port, DELAY, figures)
        finally:
            server.remove()
    trips = (away - near) / (DELAY / 1000)
    print(f"round trips, by the difference: {trips:.1f} (aim: {AIM_TRIPS})")
    figures.add("round trips of a cold sweep, by the difference", trips, "", AIM_TRIPS)
    figures.write()


if __name__ == "__main__":
    main()
