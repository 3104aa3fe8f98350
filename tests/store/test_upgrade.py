"""A store that the first version wrote is read by this one as it was meant."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from runner.model.history import Form, HistoryNeed, Series
from runner.model.report import DeliveryState
from runner.store.base import Store
from runner.store.open import open_store
from runner.store.schema import VERSION
from tests.store.make import hours, make_claim

KEY = Series("app", ("public", "orders"))
LEFT_BEHIND = Path(__file__).with_name("version-1.sql")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / ".runner" / "state.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.executescript(LEFT_BEHIND.read_text())
        assert raw.execute("pragma user_version").fetchone() == (1,)
    raw.close()
    return path


def opened(old: Path) -> Store:
    return open_store(f"sqlite:{old}", old.parent)


def test_slots_and_runs(old: Path) -> None:
    with opened(old) as store:
        assert [(run.status, run.slot, run.slots, run.since) for run in reversed(store.runs("j"))] == [
            ("done", hours(0), 1, None),
            ("done", hours(1), 1, None),
            ("done", hours(2), 1, None),
            ("missed", hours(3), 1, None),
            ("running", hours(4), 1, None),
        ]
        assert store.cursors()["j", "t"].slot == hours(4)
        assert store.cursors()["j", "t"].retired is None
        assert not store.claim(make_claim("again", hours(2)))
        assert store.take_over("r4", "its process is gone", make_claim("r5", hours(4), attempt=2))
    raw = sqlite3.connect(old)
    assert raw.execute("pragma user_version").fetchone() == (VERSION,)
    assert raw.execute("pragma integrity_check").fetchone() == ("ok",)
    assert raw.execute("pragma foreign_key_check").fetchall() == []
    raw.close()


def test_what_was_found_and_seen(old: Path) -> None:
    need = HistoryNeed(Form.WINDOW, "dead_rows", 86400.0)
    with opened(old) as store:
        (problem,) = store.problems()
        assert (problem.series, problem.count, problem.opened) == (KEY, 2, hours(1))
        assert [item.change.value for item in store.transitions("j")] == ["opened"]
        (latest,) = store.latest("j")
        assert latest.outcome.observations[0].values == {"dead_rows": 14, "size": 1002}
        past = store.past("j", "t", [need], hours(5)).of(KEY, need)
        assert [(sample.at, sample.value) for sample in past] == [(hours(0), 0), (hours(1), 7), (hours(2), 14)]


def test_deliveries_go_on_where_they_were(old: Path) -> None:
    with opened(old) as store:
        waiting = store.pending()
        assert [(item.sink, item.group, item.attempts, item.next_try) for item in waiting] == [
            ("pager", "g", 2, hours(4)),
            ("pager", "g", 0, hours(1)),
            ("pager", "g", 0, hours(2)),
        ]
        assert waiting[0].error == "no answer within 10 s"
        report = store.report(waiting[1].report)
        assert report.results[0].outcome.observations[0].values == {"dead_rows": 7, "size": 1001}
        delivery = waiting[0].with_report(report)
        assert delivery.state is DeliveryState.PENDING
        assert store.announced("pager") == {}


def test_it_is_pruned_like_any_other(old: Path) -> None:
    with opened(old) as store:
        pruned = store.prune(hours(0) + timedelta(days=500), 86400.0, 86400.0)
        assert pruned is not None
        assert store.latest("j")[0].slot == hours(2)
