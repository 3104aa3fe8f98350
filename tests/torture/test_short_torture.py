"""A short torture of real ticks; `python -m torture.run` does it by the thousand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from runner.crashpoints import POINTS
from tests.postgres import Database, Servers
from torture.ground import BEGIN, KEEPS, MINUTE, Ground, prepare, url_of
from torture.judge import Verdict, judge
from torture.kill import kills_at_points, kills_at_random, settle

ONCE = ("note", "plain")
HALVES = (POINTS[::2], POINTS[1::2])
ON_POSTGRES = ("after-claim", "before-report", "before-settle")
FIRST = BEGIN + MINUTE


@pytest.fixture(scope="module")
def watched(server: Servers) -> Iterator[Database]:
    with server.fresh_database() as database:
        prepare(database.options())
        yield database


@pytest.fixture
def ground(tmp_path: Path, watched: Database) -> Ground:
    return Ground(tmp_path / "home", watched.options())


def judged(ground: Ground) -> Verdict:
    settle(ground)
    return judge(ground, KEEPS, FIRST, ONCE)


@pytest.mark.parametrize("points", HALVES, ids=["before", "after"])
def test_a_tick_may_die_at_every_named_point(ground: Ground, points: tuple[str, ...]) -> None:
    ground.tick()
    assert kills_at_points(ground, points) == dict.fromkeys(points, True)
    assert judged(ground).wrong == []


def test_ticks_may_die_at_any_moment(ground: Ground) -> None:
    ground.tick()
    assert kills_at_random(ground, Random(time.time_ns()), 9, time.monotonic() + 60) >= 3
    assert judged(ground).wrong == []


def test_ticks_may_die_with_a_store_in_postgresql(tmp_path: Path, watched: Database, database: Database) -> None:
    ground = Ground(tmp_path / "home", watched.options(), url_of(database.options()))
    ground.tick()
    assert kills_at_points(ground, ON_POSTGRES) == dict.fromkeys(ON_POSTGRES, True)
    kills_at_random(ground, Random(time.time_ns()), 3, time.monotonic() + 20)
    assert judged(ground).wrong == []


def test_the_judge_sees_what_is_lost_doubled_or_untold(ground: Ground) -> None:
    """A judge that accepts everything would prove nothing."""
    ground.tick()
    ground.now += MINUTE
    ground.tick()
    assert judge(ground, KEEPS, FIRST, ONCE).wrong == []
    begun, ids = ground.path / "begun", ground.path / "ids"
    kept = {file: file.read_text() for file in (begun, ids)}
    begun.write_text(kept[begun] + kept[begun].replace("\n", "0\n"))
    ids.write_text(kept[ids].splitlines()[0] + "\n")
    wrong = " ".join(judge(ground, {**KEEPS, "missing": 1}, FIRST, ONCE).wrong)
    assert "was begun 2 times" in wrong
    assert "was begun and is not recorded" in wrong
    assert "was told to nobody" in wrong
    assert "missing for 2027-01-01 00:01:00+00:00 is accounted for 0 times" in wrong
