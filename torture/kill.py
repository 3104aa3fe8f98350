"""The ways to make ticks suffer: killed at random and at named moments, raced, without server, on a full disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from random import Random

from runner.crashpoints import POINTS
from torture.ground import DAY, EDITED, GOING, MINUTE, Ground

AT_ONCE = 3
"""Ticks that begin at the same moment in a wave: as many as two cores can drive without mere waiting."""
_LIFE = 0.7
_SETTLING = 12
_PAUSE = 7.0


def kills_at_random(ground: Ground, random: Random, kills: int, until: float) -> int:
    """Waves of ticks, each killed at a moment that is uniform over a tick's life as it was last; how many died."""
    life, died = _LIFE, 0
    while died < kills and time.monotonic() < until:
        ground.now += MINUTE
        ground.shake(random)
        began = time.monotonic()
        wave = [(random.uniform(0, life), ground.start()) for _ in range(AT_ONCE)]
        killed = kill_at(wave, began)
        died += sum(ground.end(process) == -9 for _, process in wave)
        if killed < len(wave):
            life = 0.8 * life + 0.2 * (time.monotonic() - began)
        elif random.random() < 0.3:
            began = time.monotonic()
            ground.tick()
            life = 0.5 * life + 0.5 * (time.monotonic() - began) * 1.5
    return died


def kill_at(wave: Sequence[tuple[float, subprocess.Popen[bytes]]], began: float) -> int:
    """Kills each process so many seconds after the beginning; how many still lived then."""
    killed = 0
    for moment, process in sorted(wave, key=lambda item: item[0]):
        try:
            process.wait(timeout=max(0.0, began + moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
    return killed


def kills_at_points(ground: Ground, points: Iterable[str] = POINTS) -> dict[str, bool]:
    """Lets a tick die at each named point; whether it came there."""
    return {point: _killed_at(ground, point) for point in points}


def _killed_at(ground: Ground, point: str) -> bool:
    commit = point.partition("-")[2]
    ground.now += MINUTE
    # There from the first point on, so that it can be removed.
    ground.write("going", GOING)
    if commit in ("take-over", "interrupt"):
        ground.tick("before-run")
        ground.now += MINUTE if commit == "interrupt" else MINUTE / 6
    elif commit == "anchor":
        file = ground.path / "checks.d" / "edited.yaml"
        ground.write("edited", EDITED[file.exists() and file.read_text() == EDITED[0]])
    elif commit == "retire":
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
