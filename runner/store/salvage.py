"""Repairing a damaged SQLite store: what can be read goes into a new file, and the old one is kept aside."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from runner.errors import StoreError
from runner.store.connection import (
    APPLICATION_ID,
    MAGIC,
    SqliteDatabase,
    connect,
    connect_to_memory,
    newer,
    of_another_program,
    sentences,
)
from runner.store.presence import alone
from runner.store.rescue import UNREADABLE, Row, Table, known_columns, layout, read_table
from runner.store.schema import VERSION
from runner.store.sense import makes_sense

WAIT: Final = 30.0
"""Seconds in which a running tick may end."""
_CHUNK: Final = 500
_COMPLAINTS: Final = 5
_HEADER: Final = 100
_PAGE: Final = 4096
_SEARCHED: Final = 1024 * 1024
"""How far into a file the tables of a store are described: it begins with them."""
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
        return _complaints(connection, "quick_check")


def repair(path: Path, now: datetime, wait: float = WAIT) -> Repaired:
    """Saves what can be read. Raises StoreError when the file is not ours, is in use, or the new one cannot be made:

    then everything is as it was.
    """
    if not path.exists():
        raise StoreError(f"there is no store at {path}", hint="`runner run-due` makes it")
    with sentences(path), alone(path, wait), _scratch(path) as folder:
        copy = _copied(path, folder)
        complaints = _as_ours(copy, path) + _examined(copy)
        if not complaints:
            return Repaired(path=path)
        fresh = folder / "new.db"
        tables = _filled(copy, fresh)
        aside = _set_aside(path, now)
        _put_in_place(fresh, path)
        return Repaired(path=path, complaints=complaints, aside=aside, tables=tables)


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder beside the store: on the same disk, so that the new file is renamed and not copied."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.repair-", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- the damaged file


def _copied(path: Path, folder: Path) -> Path:
    """SQLite writes to what it opens: it gets a copy, with the log of what was committed last."""
    copy = folder / "old.db"
    shutil.copyfile(path, copy)
    log = _beside(path, "-wal")
    if log.exists():
        shutil.copyfile(log, _beside(copy, "-wal"))
        if not copy.stat().st_size and log.stat().st_size:
            # Beside an empty file SQLite throws the log away.
            copy.write_bytes(bytes(_PAGE))
    return copy


def _as_ours(copy: Path, path: Path) -> tuple[str, ...]:
    """Refuses what opening refuses; a header that is lost is written anew when the tables below it are ours."""
    with copy.open("rb") as file:
        header, body = file.read(_HEADER), file.read(_SEARCHED)
    if not header:
        return ()
    identity = _identity(copy, header)
    version = int.from_bytes(header[60:64], "big")
    if header.startswith(MAGIC) and identity == APPLICATION_ID and version > VERSION and _is_readable(copy):
        raise newer(path, version)
    if identity == APPLICATION_ID and _is_readable(copy):
        return ()
    if identity != APPLICATION_ID and not _holds_our_tables(body):
        raise of_another_program(path) if header.startswith(MAGIC) else _of_nobody(path)
    _write_header(copy)
    return ("its first page cannot be read",)


def _identity(copy: Path, header: bytes) -> int:
    """Whose file it is, by its header, or by the log when that holds the first page."""
    if header.startswith(MAGIC):
        return int.from_bytes(header[68:72], "big")
    try:
        with closing(_opened(copy)) as connection:
            return int(connection.execute("pragma application_id").fetchone()[0])
    except UNREADABLE:
        return 0


def _of_nobody(path: Path) -> StoreError:
    return StoreError(
        f"{path} is not an SQLite database, or its first page is lost",
        hint=f"nothing was changed; if it is yours, move it aside (mv {path} {path}.damaged): history starts anew",
    )


def _holds_our_tables(body: bytes) -> bool:
    """Whether the first pages still describe the tables of a store."""
    return all(b"create table " + name in body.lower() for name in (b"cursors", b"runs", b"batches"))


def _is_readable(copy: Path) -> bool:
    """Whether SQLite can read which tables there are."""
    try:
        with closing(_opened(copy)) as connection:
            return bool(_tables(connection))
    except UNREADABLE:
        return False


def _write_header(copy: Path) -> None:
    """Writes the header of a store; and its whole first page, if the tables are found again by that."""
    with closing(connect_to_memory()) as template:
        first = bytearray(template.serialize()[:_PAGE])
    first[18:20] = b"\x02\x02"  # with a log
    first[28:32] = max(1, copy.stat().st_size // _PAGE).to_bytes(4, "big")
    first[32:40] = bytes(8)  # no free pages
    first[92:96] = first[24:28]
    _overwrite(copy, bytes(first[:_HEADER]))
    if not _is_readable(copy):
        old = _overwrite(copy, bytes(first))
        if not _is_readable(copy):
            _overwrite(copy, old)


def _overwrite(copy: Path, beginning: bytes) -> bytes:
    """Changes how the file begins, and returns what stood there."""
    with copy.open("r+b") as file:
        old = file.read(len(beginning))
        file.seek(0)
        file.write(beginning)
    return old


def _opened(copy: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(copy, isolation_level=None)
    # Otherwise one bad line of the schema would hide all tables.
    connection.execute("pragma writable_schema = on")
    connection.execute("pragma cell_size_check = on")
    return connection


def _examined(copy: Path) -> tuple[str, ...]:
    """What is wrong with the file; nothing for one that is empty, which is how a store begins."""
    if not copy.stat().st_size:
        return ()
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            found = _complaints(connection, "integrity_check")
            if not found and connection.execute("pragma foreign_key_check").fetchone():
                found = ("rows point to rows that are not there",)
            missing = {table.name for table in _sound_layout()[:5]} - _tables(connection)
            return found or tuple(f"the table {name} is missing" for name in sorted(missing))
    except UNREADABLE as error:
        return (str(error),)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}


def _complaints(connection: sqlite3.Connection, check: str) -> tuple[str, ...]:
    try:
        found = [str(row[0]) for row in connection.execute(f"pragma {check}({_COMPLAINTS})")]
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return (str(error),)
        raise
    except UnicodeDecodeError:
        return ("its tables are described in bytes that are no text",)
    lines = [line.strip() for text in found for line in text.splitlines() if not line.startswith("***")]
    return () if lines == ["ok"] else tuple(lines[:_COMPLAINTS])


# ---- the new file


def _sound_layout() -> list[Table]:
    with closing(connect_to_memory()) as template:
        return layout(template)


def _filled(copy: Path, fresh: Path) -> tuple[Saved, ...]:
    """Makes the new file with everything that can be read. Raises StoreError when it does not pass its checks."""
    with closing(connect(fresh)) as new, closing(_opened(copy)) as old:
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


_FIRST_TABLES: Final = frozenset({
    "facts", "cursors", "runs", "results", "newest", "subjects", "batches", "series", "samples", "problems",
    "transitions", "reports", "deliveries",
})  # fmt: skip


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
    complaints = _complaints(new, "integrity_check")
    strays = new.execute("pragma foreign_key_check").fetchall()
    if complaints or strays:
        reason = complaints[0] if complaints else f"{len(strays)} rows of {strays[0][0]} point to nothing"
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
        source = _beside(path, suffix)
        if source.exists():
            part = path.with_name(f"{aside.name}{suffix}.part")
            try:
                shutil.copy2(source, part)
                _synced(part)
                part.replace(_beside(aside, suffix))
            except OSError:
                part.unlink(missing_ok=True)
                raise
    return aside


def _put_in_place(fresh: Path, path: Path) -> None:
    """The old log goes first: SQLite would play it into the new file."""
    for suffix in _BESIDE[1:]:
        _beside(path, suffix).unlink(missing_ok=True)
    shutil.copymode(path, fresh)
    fresh.replace(path)
    _synced(path.parent)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
