"""The built-in probes: on a real server, a real disk, a real store."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.api import Answer, Backlog, Job, Problem, Query, Row, RunnerError, ScheduleError, Seen, Target, TargetError
from runner.engine.database.server import Server as EngineServer
from runner.model.inventory import Gone, SourceState
from runner.probes import connect, disk, latency, runs, self as own
from runner.probes.registered import PROBES
from runner.schedule import parse
from tests.kinds.support import SLOT, Context, job
from tests.postgres import Database


def talk(
    conversation: Generator[Sequence[Query], Sequence[Answer], Iterable[Row]], server: EngineServer | None
) -> tuple[list[Row], int]:
    """Drives the probe as the engine does; its rows and the number of round trips."""
    trips = 0
    try:
        queries = next(conversation)
        while True:
            trips += 1
            assert server is not None
            queries = conversation.send(server.answer(queries))
    except StopIteration as stop:
        return list(stop.value), trips


@pytest.fixture
def engine_server(database: Database) -> Iterable[EngineServer]:
    server = EngineServer(Target(name="main", options=database.options()))
    yield server
    server.close()


def columns(name: str) -> set[str]:
    return {column for probe in PROBES if probe.name == name for column in probe.columns}


def test_connect_to_a_server_that_answers(engine_server: EngineServer, database: Database) -> None:
    [row], _ = talk(connect.fetch(Context(server=engine_server.facts), {}), engine_server)
    assert set(row) == columns("connect")
    assert (row["reachable"], row["error"], row["role"]) == (True, None, "primary")
    assert str(row["version"]).startswith(str(database.major))
    assert 0 < row["seconds_to_connect"] < 60
    assert row["uptime"] >= 0


def test_connect_to_nobody(tmp_path: Path) -> None:
    nobody = EngineServer(Target(name="main", options={"host": str(tmp_path), "dbname": "x", "user": "x"}))
    facts = nobody.facts
    assert isinstance(facts, TargetError)
    [row], trips = talk(connect.fetch(Context(server=facts), {}), None)
    assert (row["reachable"], row["error"], row["version"], trips) == (False, facts.message, None, 0)
    assert set(row) == columns("connect")


def test_connect_when_the_connection_is_lost_meanwhile(engine_server: EngineServer, database: Database) -> None:
    context = Context(server=engine_server.facts)
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
    )
    [row], _ = talk(connect.fetch(context, {}), engine_server)
    assert row["reachable"] is False
    assert row["error"]


def test_latency_asks_one_by_one(engine_server: EngineServer) -> None:
    options = {"sql": "select pg_sleep(0.01)", "repeat": 3}
    [row], trips = talk(latency.fetch(Context(server=engine_server.facts), options), engine_server)
    assert trips == 3
    assert set(row) == columns("latency")
    assert 0.01 <= row["min"] <= row["median"] <= row["max"] < 10


def test_latency_of_a_query_that_fails(engine_server: EngineServer) -> None:
    with pytest.raises(RunnerError, match="latency is measured failed: division by zero"):
        talk(latency.fetch(Context(server=engine_server.facts), {"sql": "select 1 / 0"}), engine_server)


# ---- disk


def test_disk_rows(tmp_path: Path) -> None:
    rows, _ = talk(disk.fetch(Context(), {"paths": [str(tmp_path), "/no/such/place"]}), None)
    found, missing = rows
    assert set(found) == set(missing) == columns("disk")
    assert 0 < found["free"] <= found["size"]
    assert 0 <= found["used"] <= 1
    assert found["error"] is None
    assert (missing["used"], missing["error"]) == (None, "/no/such/place: No such file or directory")


def test_disk_looks_at_every_mounted_disk_by_default() -> None:
    paths = [row["path"] for row in talk(disk.fetch(Context(), {}), None)[0]]
    assert paths == disk.local_file_systems(disk.MOUNTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("mounts", "paths"),
    [
        ("/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\n", ["/"]),
        ("/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /var/lib/pg\\040data xfs rw 0 0\n", ["/", "/var/lib/pg data"]),
        ("/dev/sda1 /srv/größe ext4 rw 0 0\n", ["/srv/größe"]),
        ("/dev/sda1 /mnt/bind/deep ext4 rw 0 0\n/dev/sda1 / ext4 rw 0 0\n", ["/"]),
        ("/dev/loop1 /snap/core squashfs ro 0 0\n/dev/sda1 / ext4 rw 0 0\n", ["/"]),
        ("overlay / overlay rw 0 0\n", ["/"]),
        ("", ["/"]),
    ],
)
def test_each_disk_is_named_once(mounts: str, paths: list[str]) -> None:
    assert disk.local_file_systems(mounts) == paths


# ---- runs


@dataclass
class History:
    """What a store would remember."""

    known: dict[tuple[str, str], Seen] = field(default_factory=dict)
    rows: list[Mapping[str, object]] = field(default_factory=list)
    asked: datetime | None = None
    backlogs: list[Backlog] = field(default_factory=list)

    def backlog(self) -> list[Backlog]:
        return self.backlogs

    def problems(self) -> list[Problem]:
        return []

    def seen(self) -> dict[tuple[str, str], Seen]:
        return self.known

    def run_statistics(self, since: datetime) -> list[Mapping[str, object]]:
        self.asked = since
        return self.rows


def ago(**span: float) -> datetime:
    return SLOT - timedelta(**span)


def of_runs(known: Seen, *, rows: Sequence[Mapping[str, object]] = (), **options: Any) -> list[Row]:
    jobs: tuple[Job, ...] = (replace(job("nightly", "check", None), group="health"), job("other", "check", None))
    history = History({("nightly", "main"): known, ("removed", "main"): known}, list(rows))
    context = Context(history=history, jobs=jobs)  # type: ignore[arg-type]
    return talk(runs.fetch(context, options), None)[0]


def test_a_job_that_is_gone_has_no_row() -> None:
    [row] = of_runs(Seen(ago(days=9), ago(hours=2)))
    assert [row[name] for name in ("job", "target", "group", "runs", "last_state")] == [
        "nightly",
        "main",
        "health",
        0,
        None,
    ]
    assert set(row) == columns("runs")


def test_statistics_of_runs_are_joined() -> None:
    found = {"job": "nightly", "target": "main", "runs": 7, "failed": 2, "interrupted": 1, "last_state": "ok"}
    [row] = of_runs(Seen(ago(days=9), SLOT), rows=[found])
    assert (row["runs"], row["failed"], row["interrupted"], row["last_state"]) == (7, 2, 1, "ok")


@pytest.mark.parametrize(
    ("options", "count"),
    [({}, 1), ({"groups": ["he*"]}, 1), ({"groups": ["x"]}, 0), ({"exclude": ["night*"]}, 0), ({"exclude": ["x"]}, 1)],
)
def test_which_jobs(options: dict[str, object], count: int) -> None:
    assert len(of_runs(Seen(ago(days=9), SLOT), **options)) == count


def test_durations_of_the_options() -> None:
    history = History()
    talk(runs.fetch(Context(history=history), {"since": "2 days"}), None)  # type: ignore[arg-type]
    assert history.asked == ago(days=2)
    with pytest.raises(ScheduleError, match="not a duration"):
        of_runs(Seen(ago(days=9), SLOT), since="soon")


# ---- self


def of_self(history: History, tmp_path: Path, **options: Any) -> list[Row]:
    hourly = replace(job("hourly", "check", None), schedule=parse("hourly"))
    weekly = replace(job("weekly", "check", None), schedule=parse("weekly on monday at 03:00"))
    jobs = (hourly, weekly, job("by-hand", "check", None))
    context = Context(history=history, jobs=jobs, home=tmp_path)  # type: ignore[arg-type]
    rows = talk(own.fetch(context, options), None)[0]
    assert all(set(row) == columns("self") for row in rows)
    return rows


@pytest.mark.parametrize(
    ("name", "seen", "slots"),
    [
        ("hourly", Seen(ago(days=9), SLOT, ago(hours=1)), 0),
        ("hourly", Seen(ago(days=9), SLOT, ago(hours=4)), 3),
        ("hourly", Seen(ago(hours=2), SLOT), 1),
        ("hourly", Seen(ago(hours=2), SLOT, ago(days=9)), 1),
        ("weekly", Seen(ago(days=90), SLOT, ago(days=8)), 1),
        ("weekly", Seen(ago(days=90), SLOT, ago(days=22)), 3),
    ],
)
def test_slots_since_a_job_was_evaluated(tmp_path: Path, name: str, seen: Seen, slots: int) -> None:
    [row] = of_self(History({(name, "main"): seen}), tmp_path)
    assert (row["what"], row["name"], row["slots"]) == ("job", f"{name} on main", slots)
    assert f"was not evaluated for {slots} slots" in str(row["told"])


def test_jobs_without_a_schedule_and_those_left_out_have_no_row(tmp_path: Path) -> None:
    seen = Seen(ago(days=9), SLOT)
    history = History({("by-hand", "main"): seen, ("removed", "main"): seen, ("hourly", "main"): seen})
    assert of_self(history, tmp_path, exclude=["hour*"]) == []


def test_a_cron_that_fell_silent(tmp_path: Path) -> None:
    assert of_self(History(), tmp_path) == [], "ticks for single groups leave no heartbeat"
    (tmp_path / ".runner").mkdir()
    beat = tmp_path / ".runner" / "heartbeat"
    beat.touch()
    assert of_self(History(), tmp_path) == [], "the clock stands elsewhere: a rehearsal"
    os.utime(beat, (ago(hours=2).timestamp(),) * 2)
    [row] = of_self(History(), tmp_path)
    assert (row["what"], row["silent"]) == ("cron", 7200)
    assert row["told"] == "nobody called run-due for 2 h"


def test_deliveries_that_pile_up(tmp_path: Path) -> None:
    history = History(
        backlogs=[Backlog(sink="pager", waiting=3, oldest=ago(hours=1)), Backlog(sink="mail", given_up=2)]
    )
    pager, mail = of_self(history, tmp_path)
    assert (pager["waiting"], pager["oldest"], pager["given_up"]) == (3, 3600, 0)
    assert pager["told"] == "sink pager: 3 reports wait, the oldest for 1 h"
    assert (mail["waiting"], mail["oldest"], mail["given_up"]) == (0, 0, 2)
    assert mail["told"] == "sink mail: 0 reports wait; 2 were given up within a day"


def test_sources_of_targets_that_fail_and_targets_that_are_gone() -> None:
    gone = (Gone(at=ago(hours=1), names=("a", "b")), Gone(at=ago(hours=6), names=("c",)))
    sources = (
        SourceState(name="cmdb", read=ago(hours=2), tried=SLOT, failed="it names no target at all"),
        SourceState(name="file", read=ago(days=9), complaints=("row 1: it has no name",), gone=gone),
    )
    context = Context(history=History(), target_sources=sources)  # type: ignore[arg-type]
    cmdb, file, left = talk(own.fetch(context, {}), None)[0]
    assert (cmdb["silent"], cmdb["given_up"], cmdb["told"]) == (7200, 0, "targets of cmdb: it names no target at all")
    assert (file["silent"], file["given_up"]) == (0, 1), "a file that did not change is not silent"
    assert (left["what"], left["given_up"]) == ("gone", 2)
    assert left["told"] == "a, b: gone from file, no job runs there any more"
