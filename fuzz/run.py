"""Runs mutated inputs in a process of its own and counts tracebacks, slow inputs, and the largest memory."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import resource
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

SLOW: Final = 1.0
HANGING: Final = 60.0
PART: Final = 10_000
"""Inputs that one process looks at before its figures are asked for."""
FOLDER: Final = Path(".cache") / "fuzz"


@dataclass(slots=True)
class Figures:
    """What one subject did; `slowest` is in seconds of the processor, `memory` the largest of its processes in MB."""

    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    memory: float = 0.0
    slow: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    examples: dict[str, bytes] = field(default_factory=dict)

    def add(self, other: Figures) -> None:
        self.inputs += other.inputs
        self.seconds += other.seconds
        self.slow += other.slow
        self.slowest = max(self.slowest, other.slowest)
        self.memory = max(self.memory, other.memory)
        self.broken.update(other.broken)
        self.examples = {**other.examples, **self.examples}


def part(name: str, seed: int, first: int, count: int, place: Any = None) -> Figures:
    """Looks at the inputs first to first + count; each is made from the seed and its number alone."""
    from fuzz.mutate import mutate
    from fuzz.subjects import SUBJECTS

    subject, figures = SUBJECTS[name], Figures()
    seeds = subject.seeds()
    for number in range(first, first + count):
        if place is not None:
            place.value = number
        data = mutate(Random(f"{seed} {name} {number}"), seeds, subject.words)  # noqa: S311
        _one(subject.run, data, figures)
    figures.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def _one(run: Any, data: bytes, figures: Figures) -> None:
    began = time.process_time()
    try:
        run(data)
    except Exception as error:
        name = _where(error)
        figures.broken[name] += 1
        figures.examples.setdefault(name, data)
    took = time.process_time() - began
    figures.inputs += 1
    figures.seconds += took
    figures.slowest = max(figures.slowest, took)
    if took > SLOW:
        figures.slow += 1
        figures.examples.setdefault(f"slow {took:.1f} s", data)


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}" if isinstance(error, AssertionError) else _ours(error)
    return f"{type(error).__name__} in {place}: {re.sub('[0-9]+', 'N', str(error))[:90]}"


def _ours(error: BaseException) -> str:
    """The last place in runner that the error came through; libraries recurse to other lines each time."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def _child(name: str, seed: int, first: int, count: int, place: Any, answers: Any) -> None:
    answers.put(part(name, seed, first, count, place))


def isolated(name: str, seed: int, first: int, count: int) -> Figures:
    """A part in a process of its own: one that dies or hangs is a finding, and the rest is looked at all the same."""
    context = multiprocessing.get_context("spawn")
    place, answers = context.Value("q", first - 1), context.Queue()
    process = context.Process(target=_child, args=(name, seed, first, count, place, answers), daemon=True)
    process.start()
    seen, since = place.value, time.monotonic()
    while process.is_alive() and answers.empty():
        time.sleep(0.02)
        if place.value != seen:
            seen, since = place.value, time.monotonic()
        elif time.monotonic() - since > HANGING:
            process.terminate()
            break
    if not answers.empty() or process.exitcode == 0:
        figures: Figures = answers.get(timeout=HANGING)
        process.join()
        return figures
    process.join()
    lost = Figures(inputs=place.value - first + 1, broken=Counter({f"the process ended with {process.exitcode}": 1}))
    lost.examples[f"{name} {seed} {place.value}"] = b""
    rest = first + count - place.value - 1
    if rest > 0:
        lost.add(isolated(name, seed, place.value + 1, rest))
    return lost


def run(inputs: int, seconds: float, seed: int, names: list[str]) -> dict[str, Figures]:
    """All subjects in turns until the inputs are looked at or the time is up."""
    from fuzz.subjects import SUBJECTS

    total = sum(SUBJECTS[name].share for name in names)
    wanted = {name: max(1, round(inputs * SUBJECTS[name].share / total)) for name in names}
    found = {name: Figures() for name in names}
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(found[name].inputs < wanted[name] for name in names):
        # The one that is furthest behind is next.
        name = min(names, key=lambda item: found[item].inputs / wanted[item])
        first = found[name].inputs
        size = max(1, min(PART, wanted[name] - first))
        found[name].add(isolated(name, seed, first, size))
    return found


def report(found: dict[str, Figures]) -> str:
    """A table, and everything that broke."""
    lines = [f"{'':12} {'inputs':>9} {'tracebacks':>11} {'over 1 s':>9} {'slowest':>10} {'mean':>10} {'memory':>9}"]
    for name, figures in found.items():
        mean = figures.seconds / max(1, figures.inputs) * 1000
        lines.append(
            f"{name:12} {figures.inputs:9,} {figures.broken.total():11,} {figures.slow:9,} {figures.slowest * 1000:7.0f} ms "
            f"{mean:7.2f} ms {figures.memory:6.0f} MB"
        )
    lines.append(f"{'all':12} {sum(each.inputs for each in found.values()):9,}")
    lines += [f"{name}: {count} times: {what}" for name, each in found.items() for what, count in each.broken.items()]
    return "\n".join(lines)


def keep(found: dict[str, Figures], folder: Path) -> list[Path]:
    """Writes an example of everything that broke or was slow."""
    written = []
    for name, figures in found.items():
        for number, (what, data) in enumerate(figures.examples.items()):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}-{number}"
            path.write_bytes(data)
            (folder / f"{name}-{number}.txt").write_text(what + "\n")
            written.append(path)
    return written


def main(words: list[str] | None = None) -> int:
    """Exits 1 when something broke or was slow."""
    from fuzz.subjects import SUBJECTS

    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many in all")
    parser.add_argument("--seconds", type=float, default=120, help="ends after this time, whatever is left")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed gives the same inputs")
    parser.add_argument("--only", default=",".join(SUBJECTS), help="subjects, with commas")
    given = parser.parse_args(words)
    began = time.monotonic()
    found = run(given.inputs, given.seconds, given.seed, given.only.split(","))
    print(report(found))
    print(f"seed {given.seed}, {time.monotonic() - began:.0f} s")
    for path in keep(found, FOLDER):
        print(f"an example: {path}")
    return int(any(figures.broken or figures.slow for figures in found.values()))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main())
