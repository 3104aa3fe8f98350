"""Kills ticks by the hundred, races them, takes their server, their store and their disk away, and judges what is left."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg

from runner.demo.embedded import Server
from torture.ground import EVERY_MINUTE, JOBS, KEEPS, MINUTE, Ground, prepare, url_of
from torture.judge import Verdict, judge
from torture.kill import kills_at_points, kills_at_random, races, settle, through

RACERS = {f"mark-{number}": 1 for number in range(50)}
RACES = 20
WAVES = 12
DOUBT = 75.0
"""Seconds for which locks count as held after a store's server came back, and some more."""
_DISK = 3_000_000


@dataclass
class Part:
    """One kind of suffering and what came of it."""

    name: str
    ground: Ground
    seconds: float
    verdict: Verdict
    notes: list[str] = field(default_factory=list)

    def row(self) -> str:
        kills, found = sum(self.ground.ended.values()), self.verdict
        return (
            f"| {self.name} | {kills:,} | {self.ground.ticks:,} | {found.slots:,} | {found.runs:,} | {found.interrupted:,} "
            f"| {found.reports:,} | {found.doubles:,} | {len(found.wrong):,} | {self.seconds:.0f} |"
        )


HEAD = (
    "| what | kills | ticks | slots | runs | interrupted | reports | delivered twice | wrong | seconds |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


class Torture:
    """All parts on one server that is watched, and with another for the store where it is in PostgreSQL."""

    def __init__(self, folder: Path, store: str, seed: int, tell: Callable[[str], None] = print) -> None:
        self._folder, self._random, self._tell = folder, Random(seed), tell
        self._server = Server.start(folder / "watched")
        self._keeper = Server.start(folder / "keeper") if store == "postgresql" else None
        self.parts: list[Part] = []
        self.skipped: list[str] = []
        self.reached: Counter[str] = Counter()
        prepare(self._server.options())

    def close(self) -> None:
        for server in filter(None, (self._server, self._keeper)):
            server.remove()

    def at_random(self, kills: int, until: float = float("inf")) -> None:
        with self._part("killed at random") as ground:
            ground.tick()
            kills_at_random(ground, self._random, kills, until)

    def at_points(self) -> None:
        with self._part("killed at each named point") as ground:
            ground.tick()
            missing = [point for point, died in kills_at_points(ground).items() if not died]
            ground.complaints += [f"no tick came to the point {point}" for point in missing]

    def race(self) -> None:
        jobs = "".join(f"  - torture.mark: {name}\n" for name in RACERS)
        with self._part("two ticks race", {"racers": f"{EVERY_MINUTE}jobs:\n{jobs}"}, RACERS) as ground:
            ground.tick()
            races(ground, RACES)

    def without_server(self) -> None:
        with self._part("the watched server is killed") as ground:
            ground.tick()
            through(ground, self._random, WAVES, *_switch(self._server))

    def without_store(self) -> None:
        keeper = self._keeper
        if keeper is None:
            return
        with self._part("the store's server is killed", unsure=True, doubt=DOUBT) as ground:
            ground.tick()
            through(ground, self._random, WAVES, *_switch(keeper))

    def on_a_full_disk(self) -> None:
        if self._keeper:
            return
        place = self._folder / "disk"
        place.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "none", str(place)]
        mounted = subprocess.run(words, capture_output=True, text=True, check=False)
        if mounted.returncode:
            self.skipped.append(f"the disk is full: skipped, no small file system: {mounted.stderr.strip()}")
            return
        try:
            with self._part("the disk is full", state=f"sqlite:{place}/state.db", unsure=True) as ground:
                ground.tick()
                filler = place / "filler"
                through(ground, self._random, WAVES, lambda: fill(filler), lambda: filler.unlink(missing_ok=True))
        finally:
            subprocess.run(["umount", str(place)], check=True)

    @contextmanager
    def _part(
        self,
        name: str,
        files: dict[str, str] | None = None,
        keeps: dict[str, int] = KEEPS,
        *,
        state: str = "",
        unsure: bool = False,
        doubt: float = 0.0,
    ) -> Iterator[Ground]:
        began = time.monotonic()
        path = self._folder / f"home{len(self.parts)}"
        ground = Ground(path, self._server.options(), state or self._state(), files or JOBS)
        first = ground.now + MINUTE
        yield ground
        settle(ground, seconds=doubt)
        once = keeps if files else ("note", "plain")
        verdict = judge(ground, keeps, first, once, unsure=unsure)
        self.parts.append(Part(name, ground, time.monotonic() - began, verdict))
        self._tell(self.parts[-1].row())

    def _state(self) -> str:
        if self._keeper is None:
            return "sqlite:.runner/state.db"
        name = f"store{len(self.parts)}"
        with psycopg.connect(self._keeper.dsn(), autocommit=True) as connection:
            connection.execute(f"create database {name} encoding 'UTF8' template template0")
        return url_of(self._keeper.options(name))


def _switch(server: Server) -> tuple[Callable[[], None], Callable[[], None]]:
    """Ways to kill the server, and to start it when it does not run."""

    def back() -> None:
        if server.pid is None:
            server.resume()

    return lambda: server.stop("immediate"), back


def fill(file: Path) -> None:
    """Takes all room that is left."""
    try:
        with file.open("ab", buffering=0) as writing:
            while True:
                writing.write(bytes(4096))
    except OSError:
        return


def phases(parts: list[Part]) -> str:
    """How many were killed in which phase."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.ground.ended)
    return ", ".join(f"{count:,} {name}" for name, count in total.most_common())


def main(words: list[str] | None = None) -> int:
    """Exits 1 when anything was lost, doubled, or left undone."""
    parser = argparse.ArgumentParser(prog="python -m torture.run", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many ticks are killed at random")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="chooses moments and levels")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite", help="where the store is")
    parser.add_argument("--seconds", type=float, default=600, help="ends the random kills after this time")
    given = parser.parse_args(words)
    began = time.monotonic()
    print(f"store {given.store}, seed {given.seed}\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory(prefix="runner-torture-", ignore_cleanup_errors=True) as folder:
        torture = Torture(Path(folder), given.store, given.seed, lambda text: print(text, flush=True))
        try:
            torture.at_points()
            torture.race()
            torture.without_server()
            torture.without_store()
            torture.on_a_full_disk()
            torture.at_random(given.kills, time.monotonic() + given.seconds)
        finally:
            torture.close()
    print(f"\nkilled while: {phases(torture.parts)}")
    print(*torture.skipped, sep="\n")
    wrong = [f"{part.name}: {what}" for part in torture.parts for what in part.verdict.wrong]
    print(*wrong[:100], sep="\n")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    print(
        f"{len(wrong)} wrong, {time.monotonic() - began:.0f} s, of which the ticks used the processor for {processor:.0f} s"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
