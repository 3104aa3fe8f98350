"""A damaged SQLite file: a copy of it to read from, whose it is, and what is wrong with it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from runner.errors import StoreError
from runner.store.connection import APPLICATION_ID, MAGIC, connect_to_memory, newer, of_another_program
from runner.store.rescue import UNREADABLE, layout
from runner.store.schema import VERSION

_COMPLAINTS: Final = 5
_HEADER: Final = 100
_PAGE: Final = 4096
_SEARCHED: Final = 1024 * 1024
"""How far into a file the tables of a store are described: it begins with them."""


def copied(path: Path, folder: Path) -> Path:
    """SQLite writes to what it opens: it gets a copy, with the log of what was committed last."""
    copy = folder / "old.db"
    shutil.copyfile(path, copy)
    log = beside(path, "-wal")
    if log.exists():
        shutil.copyfile(log, beside(copy, "-wal"))
        if not copy.stat().st_size and log.stat().st_size:
            # Beside an empty file SQLite throws the log away.
            copy.write_bytes(bytes(_PAGE))
    return copy


def as_ours(copy: Path, path: Path) -> tuple[str, ...]:
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
        with closing(opened(copy)) as connection:
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
        with closing(opened(copy)) as connection:
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


def opened(copy: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(copy, isolation_level=None)
    # Otherwise one bad line of the schema would hide all tables.
    connection.execute("pragma writable_schema = on")
    connection.execute("pragma cell_size_check = on")
    return connection


def examined(copy: Path) -> tuple[str, ...]:
    """What is wrong with the file; nothing for one that is empty, which is how a store begins."""
    if not copy.stat().st_size:
        return ()
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            found = complaints(connection, "integrity_check")
            if not found and connection.execute("pragma foreign_key_check").fetchone():
                found = ("rows point to rows that are not there",)
            missing = _first_tables() - _tables(connection)
            return found or tuple(f"the table {name} is missing" for name in sorted(missing))
    except UNREADABLE as error:
        return (str(error),)


def _first_tables() -> set[str]:
    with closing(connect_to_memory()) as template:
        return {table.name for table in layout(template)[:5]}


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}


def complaints(connection: sqlite3.Connection, check: str) -> tuple[str, ...]:
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


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
