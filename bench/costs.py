"""What a process costs, as every benchmark here measures it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# Nothing of this shell's own; and as after an installation the modules are compiled once, not by every process.
_LEFT_OUT = ("PG", "DATABASE_", "RUNNER_", "PYTHONDONTWRITEBYTECODE")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of the processor, that of a server not counted, and the largest memory in MB."""

    wall: float = 0.0
    processor: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.processor + other.processor, max(self.memory, other.memory))

    def __str__(self) -> str:
        clock = f"{self.wall * 1000:.0f} ms" if self.wall < 2 else f"{self.wall:.1f} s"
        return f"{clock}, {self.processor:.2f} s of the processor, {self.memory:.0f} MB"


def cost(words: Sequence[str], *, fine: frozenset[int] = frozenset({0}), **environ: str) -> Cost:
    """Of one process and those that it waited for; `os.wait4` tells what it used. Ends the benchmark when it fails."""
    began = time.perf_counter()
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**ENVIRONMENT, **environ},
    ) as process:  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    if process.returncode not in fine:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return Cost(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        median(each.wall for each in costs),
        median(each.processor for each in costs),
        median(each.memory for each in costs),
    )


def by_turns(rounds: int, *commands: Sequence[str], fine: frozenset[int] = frozenset({0})) -> list[Cost]:
    """The medians of the commands, run one after the other in each round: whatever else goes on meets all alike."""
    turns = [[cost(words, fine=fine) for words in commands] for _ in range(rounds)]
    return [middle([turn[place] for turn in turns]) for place in range(len(commands))]
