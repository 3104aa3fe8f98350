"""A standby of a running server, made by copying its folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psycopg

from runner.demo import embedded
from runner.demo.embedded import Server
from tests.postgres import SETTINGS

_LEFT_OUT = {"postmaster.pid", "postmaster.opts"}
_EMPTIED = ("pg_wal", "pg_replslot")


def standby_of(primary: Server, folder: Path) -> Server:
    """A started standby that streams from the primary under the name `standby1`."""
    begin, end = ("pg_start_backup('copy', true, false)", "pg_stop_backup(false, false)")
    if primary.major >= 15:
        begin, end = ("pg_backup_start('copy', true)", "pg_backup_stop(false)")
    with psycopg.connect(primary.dsn(), autocommit=True) as connection:
        connection.execute(f"select {begin}")
        shutil.copytree(primary.data, folder / "data", ignore=_ignore)
        row = connection.execute(f"select labelfile from {end}").fetchone()
    assert row is not None
    (folder / "data" / "backup_label").write_text(row[0])
    (folder / "data" / "standby.signal").touch()
    (folder / "data").chmod(0o700)
    if embedded._must_become_nobody():
        for place in ((folder / "data"), *(folder / "data").rglob("*")):
            os.chown(place, 65534, 65534)
    conninfo = f"host={primary.sockets} port={primary.port} user={embedded.SUPERUSER} application_name=standby1"
    settings = {**SETTINGS, "primary_conninfo": conninfo, "wal_retrieve_retry_interval": "200ms"}
    return Server.start(folder, settings, programs=primary.installation.folder)


def _ignore(folder: str, names: list[str]) -> set[str]:
    if os.path.basename(folder) in _EMPTIED:
        return {name for name in names if name not in {"archive_status", "summaries"}}
    return _LEFT_OUT & set(names)
