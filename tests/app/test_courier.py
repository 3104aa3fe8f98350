"""Reports leave while other groups still run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.courier import Courier
from runner.report.deliver import Delivered
from tests.app.homes import CHECK, HOUR, SLOT, TempHome, states
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


def test_no_spare_store_is_made_while_the_real_one_works(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr("runner.app.runs.WithoutStore", lambda: made.append(1))
    home = TempHome.make(tmp_path / "home", database.options(), {"one.yaml": CHECK})
    home.start()
    assert states(home.tick()) == {"one": "ok"}
    assert (len(home.logged()), made) == (1, [])


DOWN = """
from pathlib import Path
from runner.api import RetryableSinkError, SinkType, hookimpl

class Pager:
    def __init__(self, folder):
        self.folder = folder
    def emit(self, report):
        with (self.folder / "tried").open("a") as file:
            file.write(f"{report.group} {report.slot:%H} {report.state.value}\\n")
        if (self.folder / "down").exists():
            raise RetryableSinkError("503")
    def close(self):
        pass

@hookimpl
def runner_register_sinks():
    return [SinkType(type="t.pager", summary="s", open=lambda options, context: Pager(context.home))]
"""


def test_a_pager_that_was_down_hears_of_everything_in_order(tmp_path: Path, database: Database) -> None:
    """A problem opens and ends while the pager is down."""
    database.execute("create table t (n int)", "insert into t values (9)")
    check = CHECK.replace("select 1 as n", "select n from t")
    home = TempHome.make(
        tmp_path / "home", database.options(), {"one.yaml": check},
        "sinks:\n  pager: {type: t.pager, send: [problems, recovered]}\n",
    )  # fmt: skip
    home.write("pager.py", DOWN)
    home.start()
    (home.path / "down").touch()
    home.tick()
    database.execute("update t set n = 1")
    home.tick(SLOT + HOUR)
    home.tick(SLOT + 2 * HOUR)
    (home.path / "down").unlink()
    home.tick(SLOT + 3 * HOUR)
    tried = (home.path / "tried").read_text().splitlines()
    assert set(tried[:-2]) == {"one 03 warning"}
    assert tried[-2:] == ["one 03 warning", "one 04 ok"]
    with home.store() as store:
        assert (store.pending(), store.announced("pager")) == ((), {})


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
