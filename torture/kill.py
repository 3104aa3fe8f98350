"""The ways to make ticks suffer: killed at random and at named moments, raced, without server, on a full disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from runner.crashpoints import POINTS
from torture.ground import DAY, EDITED, GOING, MINUTE, PATIENCE, Ground

KILLED = 3
"""Ticks of a wave that are killed; one more, which begins at the same moment, lives and tells how long a life is."""
_SETTLING = 12
_PAUSE = 7.0


def kills_at_random(ground: Ground, random: Random, kills: int, until: float) -> int:
    """Waves of ticks that begin at once, each killed at a moment of its own; how many died."""
    lives, died = Lives(), 0
    while died < kills and time.monotonic() < until:
        ground.now += MINUTE
        ground.shake(random)
        began = time.monotonic()
        doomed = [ground.start() for _ in range(KILLED)]
        # Half of them at any moment of a life, half at one after the start, which is mostly imports.
        moments = [random.uniform(0.0 if index % 2 else lives.start, lives.whole) for index in range(KILLED)]
        survivor = ground.start()
        _kill_at(ground, zip(moments, doomed, strict=True), survivor, began, lives)
        died += sum(ground.end(process) == -9 for process in doomed)
        ground.end(survivor)
    return died


@dataclass
class Lives:
    """How long ticks of a wave live, and how long they take to start, as the last waves had it."""

    start: float = 0.5
    whole: float = 1.0

    def learn(self, start: float, whole: float) -> None:
        self.start += 0.3 * (start - self.start)
        self.whole += 0.3 * (whole - self.whole)


def _kill_at(
    ground: Ground,
    doomed: Iterable[tuple[float, subprocess.Popen[bytes]]],
    survivor: subprocess.Popen[bytes],
    began: float,
    lives: Lives,
) -> None:
    """Kills each process so many seconds after the beginning, and learns from the one that lives."""
    waiting = sorted(doomed, key=lambda item: item[0])
    start = 0.0
    while survivor.poll() is None and time.monotonic() < began + PATIENCE:
        passed = time.monotonic() - began
        while waiting and waiting[0][0] <= passed:
            waiting.pop(0)[1].kill()
        if not start and ground.phase(survivor.pid) != "starting":
            start = passed
        time.sleep(0.002)
    whole = time.monotonic() - began
    for _, process in waiting:
        process.kill()
    lives.learn(start or whole, whole)


def kills_at_points(ground: Ground, points: Iterable[str] = POINTS) -> dict[str, bool]:
    """Lets a tick die at each named point; whether it came there."""
    return {point: _killed_at(ground, point) for point in points}


def _killed_at(ground: Ground, point: str) -> bool:
    commit = point.partition("-")[2]
    ground.now += MINUTE
    ground.write("going", GOING)
    if commit in ("take-over", "interrupt"):
        ground.tick("before-run")
        ground.now += MINUTE if commit == "interrupt" else MINUTE / 6
    elif commit == "anchor":
        file = ground.path / "checks.d" / "edited.yaml"
        ground.write("edited", EDITED[file.exists() and file.read_text() == EDITED[0]])
    elif commit == "retire":
        # What was never run leaves nothing behind when it goes.
        ground.tick()
        ground.now += MINUTE
        ground.write("going", None)
    elif commit in ("decide", "passed"):
        ground.now = ground.now.replace(minute=55) + 10 * MINUTE
    elif commit.startswith("prune"):
        ground.now += DAY
    return ground.tick(point) == -9


def settle(ground: Ground, *, seconds: float = 0.0) -> None:
    """Faults are over: a few more ticks, until nothing is under way. `seconds` is how long locks may be in doubt."""
    end = time.monotonic() + seconds
    for _ in range(_SETTLING):
        while True:
            ground.now = (ground.now + MINUTE).replace(second=0)
            ground.tick()
            if not seconds or time.monotonic() > end or _is_quiet(ground):
                break
            time.sleep(_PAUSE)
        if _is_quiet(ground):
            break
        ground.now += 60 * MINUTE


def _is_quiet(ground: Ground) -> bool:
    with ground.opened() as store:
        return not (store.running() or store.unreported() or store.pending_count())


def races(ground: Ground, waves: int) -> None:
    """Two ticks begin at once, again and again."""
    for _ in range(waves):
        ground.now += MINUTE
        for process in [ground.start(), ground.start()]:
            ground.end(process)


def through(ground: Ground, random: Random, waves: int, away: Callable[[], None], back: Callable[[], None]) -> None:
    """Ticks while something that they need goes in the middle of a wave and comes back in the middle of another."""
    for wave in range(waves):
        ground.now += MINUTE
        processes = [ground.start() for _ in range(2)]
        time.sleep(random.uniform(0.0, 0.9))
        if wave % 4 == 1:
            away()
        elif wave % 4 == 3:
            back()
        for process in processes:
            ground.end(process)
    back()
