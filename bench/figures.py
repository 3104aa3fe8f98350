"""What a benchmark found, kept as JSON in bench/results: `bench/write.py` makes docs/performance.md's table of it."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from costs import Cost

from runner.version import VERSION

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Figure:
    """A median in its unit (`s`, `ms`, `MB`, `times`, …); `limit` is the most, or the least, that it is meant to be."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def share(self) -> float | None:
        """The ratio to the limit, so that more than 1 misses it."""
        if self.limit is None or not self.value:
            return None
        return self.limit / self.value if self.at_least else self.value / self.limit


@dataclass
class Figures:
    """Gathers what one benchmark found; `absent` says with what it could not be compared."""

    bench: str
    sizes: str
    quick: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    found: list[Figure] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    date: str = ""
    machine: str = ""

    def add(self, what: str, value: float, unit: str, limit: float | None = None, *, at_least: bool = False) -> None:
        self.found.append(Figure(what, round(value, 4), unit, limit, at_least))

    def add_process(self, what: str, cost: Cost, *, seconds: float | None = None, memory: float | None = None) -> None:
        """The time and the memory of whole processes, with their limits."""
        self.add(what, cost.wall, "s", seconds)
        self.add(f"{what}: memory", cost.memory, "MB", memory)

    def miss(self, text: str) -> None:
        print(text)
        self.absent.append(text)

    def write(self) -> None:
        """Into bench/results; a quick run proves that it runs, its figures say nothing and go beside them."""
        self.date, self.machine = f"{datetime.now(UTC):%Y-%m-%d}", machine()
        self.versions = {"Python": platform.python_version(), "runner": VERSION, **self.versions}
        folder = RESULTS / "quick" if self.quick else RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.bench}.json").write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read(file: Path) -> Figures:
    """What a benchmark wrote."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Figures(**{**kept, "found": [Figure(**figure) for figure in kept["found"]]})


def machine() -> str:
    """Processors and memory in words."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    total = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    kind = names[0] if names else platform.machine()
    return f"{len(names) or 1} processors ({kind}), {total / 2**20:.0f} GB, {platform.system()} {platform.release()}"


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def version_of(words: Sequence[str]) -> str:
    """The last word of what a program says with `--version`; empty when it cannot be asked."""
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = [word for word in done.stdout.replace(",", " ").split() if word[:1].isdigit()]
    return found[0] if found else ""


def arguments(text: str | None, rounds: int) -> argparse.ArgumentParser:
    """What every benchmark understands."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    return parser
