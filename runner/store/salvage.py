"""Repairing a damaged SQLite store: what can be read goes into a new file, and the old one is kept aside."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from runner.errors import StoreError
from runner.records import dataclass
from runner.store.connection import SqliteDatabase, connect, sentences
from runner.store.presence import alone
from runner.store.rescue import UNREADABLE, Row, Table, known_columns, layout, read_table
from runner.store.schema import MIGRATIONS, VERSION
from runner.store.sense import makes_sense
from runner.store.wreck import as_ours, beside, complaints, copied, examined, opened

WAIT: Final = 30.0
"""Seconds in which a running tick may end."""
_CHUNK: Final = 500
_BESIDE: Final = ("", "-wal", "-shm")
# What has lost what it belongs to, those first that others belong to.
_ORPHANS: Final = (
    ("results", "run not in (select id from runs)"),
    ("newest", "run not in (select run from results)"),
    ("batches", "subject not in (select id from subjects)"),
    ("series", "subject not in (select id from subjects)"),
    ("samples", "batch not in (select id from batches) or series not in (select id from series)"),
    ("deliveries", "report not in (select id from reports)"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of one table: rows in the new file, and rows that are lost.

    `lost` is at most so many, None when nobody can tell; `orphans` could be read, but what they belong to is lost.
    """

    table: str
    rows: int
    lost: int | None = 0
    orphans: int = 0

    @property
    def is_whole(self) -> bool:
        return self.lost == 0 and not self.orphans


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair found and did; without `aside` the store was sound and nothing was changed."""

    path: Path
    complaints: tuple[str, ...] = ()
    aside: Path | None = None
    tables: tuple[Saved, ...] = ()


def examine(path: Path) -> tuple[str, ...]:
    """What SQLite's quick check complains about; nothing when the file is sound or not there yet. Raises StoreError."""
    if not path.exists() or not path.stat().st_size:
        return ()
    with sentences(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return complaints(connection, "quick_check")


def repair(path: Path, now: datetime, wait: float = WAIT) -> Repaired:
    """Saves what can be read. Raises StoreError when the file is not ours, is in use, or the new one cannot be made:

    then everything is as it was.
    """
    if not path.exists():
        raise StoreError(f"there is no store at {path}", hint="`runner run-due` makes it")
    with sentences(path), alone(path, wait), _scratch(path) as folder:
        copy = copied(path, folder)
        found = as_ours(copy, path) + examined(copy)
        if not found:
            return Repaired(path=path)
        fresh = folder / "new.db"
        tables = _filled(copy, fresh)
        aside = _set_aside(path, now)
        _put_in_place(fresh, path)
        return Repaired(path=path, complaints=found, aside=aside, tables=tables)


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder beside the store: on the same disk, so that the new file is renamed and not copied."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.repair-", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- the new file


def _filled(copy: Path, fresh: Path) -> tuple[Saved, ...]:
    """Makes the new file with everything that can be read. Raises StoreError when it does not pass its checks."""
    with closing(connect(fresh)) as new, closing(opened(copy)) as old:
        new.execute("pragma foreign_keys = off")
        new.execute("pragma synchronous = off")
        new.execute("begin immediate")
        tables = layout(new)
        counts = [(table, *_moved(old, new, table)) for table in tables]
        _also_lost(tables)
        orphans = {table: _dropped(new, table, condition) for table, condition in _ORPHANS}
        _mended(new)
        _continue_numbers(old, new)
        new.execute("commit")
        saved = tuple(_saved(new, table, unusable, orphans.get(table.name, 0)) for table, _, unusable in counts)
        new.execute("pragma journal_mode = delete")
        _proven(new)
    _synced(fresh)
    return saved


def _moved(old: sqlite3.Connection, new: SqliteDatabase, table: Table) -> tuple[int, int]:
    """How many rows came over, and how many were read and are nonsense."""
    columns = known_columns(old, table)
    if not columns:
        table.gaps.is_open = _may_be_lost(old, table)
        return 0, 0
    source = Table(table.name, tuple(columns), table.key, table.has_rowid, table.gaps)
    batches = [row[0] for row in new.execute("select id from batches order by id")] if table.name == "samples" else ()
    rows = read_table(old, source, batches)
    marks = ", ".join("?" for _ in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    insert = f'insert into "{table.name}" ({names}) values ({marks})'  # noqa: S608
    moved = unusable = 0
    while chunk := list(islice(rows, _CHUNK)):
        sound = [row for row in chunk if makes_sense(table.name, dict(zip(columns, row, strict=True)))]
        came = _inserted(new, insert, sound)
        moved, unusable = moved + came, unusable + len(chunk) - came
    return moved, unusable


def _also_lost(tables: Sequence[Table]) -> None:
    """Samples are read by their batches: those of a batch that is lost were not even looked for."""
    gaps = {table.name: table.gaps for table in tables}
    gaps["samples"].is_open |= gaps["batches"].any


def _may_be_lost(old: sqlite3.Connection, table: Table) -> bool:
    """A table that a store of an older version did not have yet is not lost."""
    try:
        version = old.execute("pragma user_version").fetchone()[0]
    except UNREADABLE:
        return True
    return bool(version >= VERSION) or table.name in _FIRST_TABLES


_FIRST_TABLES: Final = frozenset(re.findall(r"create table (\w+)", " ".join(MIGRATIONS[0])))


def _inserted(new: SqliteDatabase, insert: str, rows: Sequence[Row]) -> int:
    new.execute("savepoint chunk")
    try:
        new.executemany(insert, rows)
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError):
        new.execute("rollback to chunk")
        return sum(_inserted_alone(new, insert, row) for row in rows)
    finally:
        new.execute("release chunk")
    return len(rows)


def _inserted_alone(new: SqliteDatabase, insert: str, row: Row) -> bool:
    """A row that breaks the rules of its table, or is there already, is nonsense."""
    try:
        new.execute(insert, row)
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError):
        return False
    return True


def _dropped(new: SqliteDatabase, table: str, condition: str) -> int:
    return new.execute(f"delete from {table} where {condition}").rowcount  # noqa: S608


def _mended(new: SqliteDatabase) -> None:
    """What pointed to lost rows and can do without them."""
    new.execute("update batches set run = null where run is not null and run not in (select id from runs)")
    new.execute(
        "insert into newest (job, target, run) select job, target, max(runs.id) from runs join results"
        " on results.run = runs.id where status = 'done' group by job, target"
        " on conflict (job, target) do update set run = max(run, excluded.run)"
    )
    for subject, newest in new.execute("select subject, max(id) from batches group by subject").fetchall():
        new.execute(
            "update series set last = (select max(b.id) from batches b where b.subject = ?1 and b.id <= series.last)"
            " where subject = ?1 and last is not null and last not in (select id from batches)",
            (subject,),
        )
        new.execute(
            "update series set last = ?2 where subject = ?1 and last is null"
            " and id not in (select series from samples where batch = ?2)",
            (subject, newest),
        )


def _continue_numbers(old: sqlite3.Connection, new: SqliteDatabase) -> None:
    """Numbers that were given once are not given again, where the old file still knows them."""
    try:
        known = old.execute("select name, seq from sqlite_sequence").fetchall()
    except UNREADABLE:
        return
    for name, number in known:
        if isinstance(number, int) and 0 < number < 2**48:
            new.execute("update sqlite_sequence set seq = max(seq, ?) where name = ?", (number, name))


def _saved(new: SqliteDatabase, table: Table, unusable: int, orphans: int) -> Saved:
    rows = new.execute(f'select count(*) from "{table.name}"').fetchone()[0]  # noqa: S608
    lost = None if table.gaps.is_open or (not table.has_rowid and table.gaps.any) else table.gaps.numbers + unusable
    return Saved(table=table.name, rows=rows, lost=lost, orphans=orphans)


def _proven(new: SqliteDatabase) -> None:
    found = complaints(new, "integrity_check")
    strays = new.execute("pragma foreign_key_check").fetchall()
    if found or strays:
        reason = found[0] if found else f"{len(strays)} rows of {strays[0][0]} point to nothing"
        raise StoreError(
            f"what was saved does not pass its checks: {reason}", hint="nothing was changed; look at the disk first"
        )


# ---- the exchange


def _set_aside(path: Path, now: datetime) -> Path:
    """Copies the file and its log, complete or not at all; their names end in the time."""
    stem = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 1000))
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    for suffix in reversed(_BESIDE):
        source = beside(path, suffix)
        if source.exists():
            part = path.with_name(f"{aside.name}{suffix}.part")
            try:
                shutil.copy2(source, part)
                _synced(part)
                part.replace(beside(aside, suffix))
            except OSError:
                part.unlink(missing_ok=True)
                raise
    return aside


def _put_in_place(fresh: Path, path: Path) -> None:
    """The old log goes first: SQLite would play it into the new file."""
    for suffix in _BESIDE[1:]:
        beside(path, suffix).unlink(missing_ok=True)
    shutil.copymode(path, fresh)
    fresh.replace(path)
    _synced(path.parent)


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
