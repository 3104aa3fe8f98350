"""Reports leave while other groups still run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.courier import Courier
from runner.report.deliver import Delivered
from tests.app.homes import CHECK, TempHome, states
from tests.postgres import Database


def test_a_report_does_not_wait_for_a_long_job_of_another_group(tmp_path: Path, database: Database) -> None:
    log = tmp_path / "home" / "logs" / "runner.log"
    waits = f"""
        schedule: hourly
        command: waits
        shell: |
          until grep -q '"group": *"one"' {log}; do sleep 0.1; done
        timeout: 60s
        """
    files = {"one.yaml": CHECK, "waits.yaml": waits}
    home = TempHome.make(tmp_path / "home", database.options(), files, "allow: [command]\n")
    home.start()
    assert states(home.tick()) == {"one": "ok", "waits": "ok"}


def test_everything_is_sent_once_more_at_the_end() -> None:
    calls: list[int] = []
    courier = Courier(lambda: [Delivered()] if calls.append(1) is None else [])
    courier.wake()
    sent = courier.finish()
    assert len(sent) == len(calls) >= 1


def test_what_breaks_in_the_thread_is_raised_where_it_is_awaited() -> None:
    def breaks() -> list[Delivered]:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        Courier(breaks).finish()
