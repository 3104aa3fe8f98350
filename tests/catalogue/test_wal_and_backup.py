"""Faults of WAL, checkpoints, archiving and backups, on a server that archives."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runner.demo.embedded import Server
from tests.catalogue.conftest import ROLES
from tests.catalogue.frame import Case, examine, run_in
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.postgres import SETTINGS, Database, Servers, eventually
from tests.shipped.support import Use, database_of

SMALL = {
    "archive_mode": "on",
    "archive_command": "true",
    "max_wal_size": "32MB",
    "min_wal_size": "32MB",
    "wal_buffers": "32kB",
    "fsync": "on",
    "full_page_writes": "on",
}
READY = "select from pg_ls_archive_statusdir() where name like '%.ready'"
NOW = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
HOURS = tuple(f"2026-03-03T{hour}:00Z" for hour in range(13, 23))


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Server]:
    """A server that archives to nowhere, with the smallest WAL settings."""
    folder = tmp_path_factory.mktemp("writer")
    folder.chmod(0o755)
    summaries = {"summarize_wal": "on"} if server.major >= 17 else {}
    settings = {**SETTINGS, **SMALL, **summaries}
    started = Server.start(folder / "pg", settings, version=server.version, programs=server.programs)
    run_in(started, *ROLES, "create table load (id int primary key, filler text) with (fillfactor = 50)")
    yield started
    started.remove()


def set_and_reload(stack: ExitStack, server: Server, **settings: str) -> None:
    """Until the end of the case."""
    names = [f"alter system set {name} = '{value}'" for name, value in settings.items()]
    stack.callback(run_in, server, *(f"alter system reset {name}" for name in settings), "select pg_reload_conf()")
    run_in(server, *names, "select pg_reload_conf()")


def switch(server: Server, times: int = 1) -> None:
    """Finishes so many WAL files."""
    for _ in range(times):
        run_in(server, "select pg_logical_emit_message(false, 'runner', 'x')", "select pg_switch_wal()")


def write_rows(server: Server, rows: int = 4000) -> None:
    run_in(
        server,
        "truncate load",
        f"insert into load select n, repeat('x', 1000) from generate_series(1, {rows}) n",
    )


def counted(database: Database, statement: str) -> None:
    """Waits until a statistic is above zero as it is now: the counters arrive a moment later."""
    eventually(lambda: database.value(statement), what=statement)


def held_by_a_slot(stack: ExitStack, server: Server, database: Database) -> None:
    database.execute("select pg_create_physical_replication_slot('keeper', true)")
    stack.callback(run_in, server, "select pg_drop_replication_slot('keeper')", "checkpoint")
    switch(server, 6)


def full_buffers(stack: ExitStack, server: Server, database: Database) -> None:
    before = database.value("select wal_buffers_full from pg_stat_wal")
    write_rows(server)
    counted(database, f"select wal_buffers_full > {before} from pg_stat_wal")


def page_images(stack: ExitStack, server: Server, database: Database) -> None:
    write_rows(server)
    before = database.value("select wal_fpi from pg_stat_wal")
    run_in(server, "checkpoint", "update load set filler = filler || 'y' where id % 4 = 0")
    counted(database, f"select wal_fpi > {before} + 500 from pg_stat_wal")


def archive_fails(stack: ExitStack, server: Server, database: Database) -> None:
    look = "select last_failed_time > coalesce(last_archived_time, '-infinity') from pg_stat_archiver"
    stack.callback(lambda: eventually(lambda: not database.value(look), what="the archiver's recovery"))
    stack.callback(switch, server)
    set_and_reload(stack, server, archive_command="false")
    switch_until(server, database, look)


def archive_hangs(stack: ExitStack, server: Server, database: Database) -> None:
    """The command waits for as long as there is a file `hang` in the data directory."""
    idle = f"select count(*) = 0 from ({READY}) r"
    stack.callback(lambda: eventually(lambda: database.value(idle), what="an empty queue"))
    stack.callback((server.data / "hang").unlink)
    (server.data / "hang").touch()
    set_and_reload(stack, server, archive_command="while test -e hang; do sleep 0.1; done")
    switch_until(server, database, f"select count(*) > 4 from ({READY}) r")


def switch_until(server: Server, database: Database, look: str) -> None:
    """Finishes WAL files until the statement is true: the archiver may still archive some as it did before."""

    def switched() -> Any:
        switch(server)
        return database.value(look)

    eventually(switched, what=look)


def no_archive_command(stack: ExitStack, server: Server, database: Database) -> None:
    set_and_reload(stack, server, archive_command="")
    counted(database, "select current_setting('archive_command') in ('', '(disabled)')")


def no_checkpoint(stack: ExitStack, server: Server, database: Database) -> None:
    run_in(server, "checkpoint")
    write_rows(server)


def requested(stack: ExitStack, server: Server, database: Database) -> None:
    view = "pg_stat_checkpointer" if server.major >= 17 else "pg_stat_bgwriter"
    column = "num_requested" if server.major >= 17 else "checkpoints_req"
    before = database.value(f"select {column} from {view}")
    write_rows(server, 10)
    run_in(server, "checkpoint", "checkpoint", "checkpoint")
    counted(database, f"select {column} > {before} from {view}")


def slow_sync(stack: ExitStack, server: Server, database: Database) -> None:
    look = "select sync_time from pg_stat_checkpointer"
    if server.major < 17:
        look = "select checkpoint_sync_time from pg_stat_bgwriter"
    before = database.value(look)

    def synced() -> bool:
        write_rows(server, 500)
        run_in(server, "checkpoint")
        return bool(database.value(look) > before)

    eventually(synced, what="time spent syncing")


def backends_write(stack: ExitStack, server: Server, database: Database) -> None:
    look = "select sum(writes) from pg_stat_io where backend_type = 'client backend' and object = 'relation'"
    if server.major < 17:
        look = "select buffers_backend from pg_stat_bgwriter"
    before = database.value(look) or 0
    write_rows(server, 12_000)
    run_in(server, "update load set filler = filler || 'y'")
    counted(database, f"select ({look}) > {before}")


def slow_backup(stack: ExitStack, server: Server, database: Database) -> None:
    """A base backup whose receiver takes nothing."""
    receiver = psycopg.pq.PGconn.connect(f"{server.dsn()} replication=true".encode())
    stack.callback(receiver.finish)
    receiver.send_query(b"BASE_BACKUP (CHECKPOINT 'fast')" if server.major >= 15 else b"BASE_BACKUP FAST")
    look = "select count(*) from pg_stat_progress_basebackup where phase = 'streaming database files'"
    counted(database, look)


ONCE = {"for": "1 run"}
CASES: dict[str, Case] = {
    "a slot holds back WAL": Case(
        check="pg.wal-size", plant=held_by_a_slot, state="warning", says="the slot keeper holds back",
        values={**ONCE, "params": {"warn_excess": "1MB"}},
    ),
    "WAL buffers are too small": Case(
        check="pg.wal-buffers-full", plant=full_buffers, state="warning", says="WAL buffers were full",
        values={**ONCE, "params": {"warn_per_second": 0.0001}},
    ),
    "images after a checkpoint": Case(
        check="pg.wal-full-page-images", plant=page_images, state="warning", says="full-page images beside",
        values={**ONCE, "warning": "per_hour > 1kB and images_per_hour > 1% of records_per_hour"},
    ),
    "the archive command fails": Case(
        check="pg.archiver", plant=archive_fails, state="warning", says="fails (",
    ),
    "it fails for long": Case(
        check="pg.archiver", plant=archive_fails, state="critical", says="nothing was archived for",
        values={"params": {"critical_failing": "1ms"}},
    ),
    "the archive command hangs": Case(
        check="pg.archiver", plant=archive_hangs, state="warning", says="of WAL wait",
        values={"params": {"warn_stale": "1ms"}},
    ),
    "there is no archive command": Case(
        check="pg.archiver", plant=no_archive_command, state="critical", says="neither archive_command nor archive_library",
    ),
    "WAL waits for the archiver": Case(
        check="pg.archive-ready", plant=archive_hangs, state="warning", says="to be archived, the oldest waits for",
        values={"params": {"warn_waiting": "32MB"}},
    ),
    "requested checkpoints": Case(
        check="pg.requested-checkpoints", plant=requested, state="warning", says="requested checkpoints an hour",
        values={**ONCE, "params": {"warn_per_hour": 0.5}},
    ),
    "checkpoints that sync": Case(
        check="pg.checkpoint-sync-time", plant=slow_sync, state="warning", says="of it syncing",
        values={**ONCE, "params": {"warn_each": "1us"}},
    ),
    # Backends sync only when the checkpointer's queue is full, which takes a storage that is too slow.
    "sessions that write": Case(
        check="pg.backend-fsyncs", plant=backends_write, state="warning", says="buffers",
        values={**ONCE, "warning": "written_per_minute > 0"},
    ),
    "a backup that does not end": Case(
        check="pg.base-backup", plant=slow_backup, state="warning", says="(streaming database files) has run for",
        values={"params": {"warn_after": "1ms"}},
    ),
    # Last, because others make checkpoints.
    "a late checkpoint": Case(
        check="pg.checkpoint-age", plant=no_checkpoint, state="warning", says="the last checkpoint was",
        values={**ONCE, "warning": "checkpoint_age > 0s and wal_since > 1MB"},
    ),
}  # fmt: skip
ARCHIVER = [name for name, case in CASES.items() if case.check in {"pg.archiver", "pg.archive-ready"}]


@pytest.mark.parametrize("name", ARCHIVER)
def test_of_the_archiver(tmp_path: Path, writer: Server, name: str) -> None:
    examine(CASES[name], tmp_path, writer, database_of(writer))


@pytest.mark.quick
def test_quiet_when_healthy_and_loud_when_not(tmp_path: Path, writer: Server) -> None:
    cases = {name: case for name, case in CASES.items() if name not in ARCHIVER}
    examine_together(cases, tmp_path, writer, database_of(writer))


@shows("pg.wal-rate")
def test_more_wal_than_ever(tmp_path: Path, writer: Server) -> None:
    use = Use(tmp_path / "home", writer.options(user="nobody"))
    use.write("pg.wal-rate", params={"at_least": "1MB"})
    assert [use.look("--now", hour)["state"] for hour in HOURS][-1] == "ok"
    write_rows(writer)
    found = use.look("--now", "2026-03-03T23:00Z")
    assert (found["state"], "of WAL an hour" in found["summary"]) == ("warning", True)


@pytest.mark.pg(">=17")
@shows("pg.wal-summarizer")
def test_a_summarizer_that_does_not_go_on(tmp_path: Path, writer: Server) -> None:
    database = database_of(writer)
    counted(database, "select summarizer_pid is not null and pending_lsn > '0/0' from pg_get_wal_summarizer_state()")
    use = Use(tmp_path / "home", writer.options(user="nobody"))
    use.write("pg.wal-summarizer", **ONCE)
    assert use.look()["state"] == "ok"
    pid = database.value("select summarizer_pid from pg_get_wal_summarizer_state()")
    os.kill(pid, signal.SIGSTOP)
    try:
        write_rows(writer)
        use.write("pg.wal-summarizer", **ONCE, params={"warn_behind": "1MB"})
        behind = use.look()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (behind["state"], "the WAL summarizer runs and is" in behind["summary"]) == ("warning", True)


def test_what_is_not_archived_is_not_judged(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    for check in ("pg.archiver", "pg.archive-ready"):
        use.write(check)
        assert use.look()["state"] == "skipped"


def test_statistics_that_were_reset_hide_no_failure(tmp_path: Path, writer: Server) -> None:
    """The counters are gone, and the WAL that waits is still there."""
    use = Use(tmp_path / "home", writer.options(user="minimal"))
    with ExitStack() as stack:
        archive_fails(stack, writer, database_of(writer))
        run_in(writer, "select pg_stat_reset_shared('archiver')")
        use.write("pg.archive-ready", params={"warn_after": "1ms"})
        assert use.look()["state"] == "warning"
    use.write("pg.checkpoint-sync-time")
    use.look("--now", "2026-03-04T01:00Z")
    slow_sync(ExitStack(), writer, database_of(writer))
    use.look("--now", "2026-03-04T02:00Z")
    run_in(writer, f"select pg_stat_reset_shared('{'checkpointer' if writer.major >= 17 else 'bgwriter'}')")
    eventually(lambda: use.look("--now", "2026-03-04T03:00Z")["state"] == "unknown", what="a counter that went back")


@shows("host.backup-files")
def test_backups_of_this_host(tmp_path: Path) -> None:
    use, place = Use(tmp_path / "home", {"host": "/nonexistent"}), tmp_path / "backups"
    place.mkdir()
    for name, size, hours in (("mon", 9000, 60), ("tue", 9100, 30), ("wed", 9200, 1)):
        (place / f"{name}.dump").write_bytes(b"x" * size)
        os.utime(place / f"{name}.dump", (NOW.timestamp() - hours * 3600,) * 2)
    states = []
    use.write("host.backup-files", **{"with": {"paths": [f"{place}/*.dump"]}})
    for change in (lambda: None, (place / "wed.dump").unlink, (place / "tue.dump").unlink, (place / "mon.dump").unlink):
        change()
        states.append(use.look("--now", "2026-03-04T06:00Z")["state"])
    assert states == ["ok", "warning", "critical", "critical"]
    use.write("host.backup-files", **{"with": {"paths": [f"{place}/gone/*.dump"]}})
    gone = use.look()
    assert (gone["state"], "No such file" in gone["findings"][0]["message"]) == ("unknown", True)


@shows("host.pgbackrest-backups")
def test_a_repository_of_pgbackrest(tmp_path: Path) -> None:
    """The files as pgBackRest leaves them: a backup that broke off has a copy of the manifest only."""
    repository = tmp_path / "backup"
    use = Use(tmp_path / "home", {"host": "/nonexistent"})
    paths = [f"{repository}/*/????????-??????F/backup.manifest", f"{repository}/*/????????-??????F*/backup.manifest"]
    use.write("host.pgbackrest-backups", **{"with": {"paths": paths}})
    states = []
    for label, hours, name in (
        ("20260226-060000F", 144, "backup.manifest"),
        ("20260226-060000F_20260302-060000I", 48, "backup.manifest"),
        ("20260226-060000F_20260303-060000I", 24, "backup.manifest.copy"),
        ("20260226-060000F_20260304-000000D", 6, "backup.manifest"),
    ):
        folder = repository / "main" / label
        folder.mkdir(parents=True)
        (folder / name).touch()
        os.utime(folder / name, (NOW.timestamp() - hours * 3600,) * 2)
        states.append(use.look("--now", "2026-03-04T06:00Z")["state"])
    assert states == ["critical", "warning", "warning", "ok"]
    (repository / "main" / "latest").symlink_to(folder)
    assert use.look("--now", "2026-03-04T06:00Z")["summary"] == "1 of 3 backups are full ones"


@shows("host.wal-g-backups")
def test_a_storage_of_wal_g(tmp_path: Path) -> None:
    storage = tmp_path / "basebackups_005"
    (storage / "base_000000010000000000000009").mkdir(parents=True)
    use = Use(tmp_path / "home", {"host": "/nonexistent"})
    use.write("host.wal-g-backups", **{"with": {"paths": [f"{storage}/*_backup_stop_sentinel.json"]}})
    assert use.look("--now", "2026-03-04T06:00Z")["state"] == "critical"
    done = storage / "base_000000010000000000000009_backup_stop_sentinel.json"
    done.touch()
    os.utime(done, (NOW.timestamp() - 3600,) * 2)
    assert use.look("--now", "2026-03-04T06:00Z")["state"] == "ok"
    assert use.look("--now", "2026-03-05T16:00Z")["state"] == "warning"


@shows("host.wal-archive")
def test_an_archive_with_a_gap(tmp_path: Path, writer: Server) -> None:
    """The server writes the archive itself; then one of its files is lost."""
    archive = writer.folder / "archive"
    archive.mkdir()
    archive.chmod(0o777)
    use = Use(tmp_path / "home", {"host": "/nonexistent"})
    use.write("host.wal-archive", **{"with": {"path": str(archive)}})
    assert use.look()["state"] == "warning"
    with ExitStack() as stack:
        set_and_reload(stack, writer, archive_command="cp %p ../archive/%f")
        switch(writer, 4)
        eventually(lambda: len(list(archive.glob("0*"))) >= 4, what="the archive")
    assert eventually(lambda: use.look()["state"] == "ok", what="whole files")
    sorted(archive.glob("0*"))[1].unlink()
    found = use.look()
    assert (found["state"], "1 missing from" in found["findings"][0]["message"]) == ("critical", True)
