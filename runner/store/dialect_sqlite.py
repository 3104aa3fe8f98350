"""What is SQLite's own in the store's SQL."""

from __future__ import annotations

import sqlite3
from typing import Final

from runner.store.database import Dialect

# STRICT came with SQLite 3.37; an older library keeps the same data without it.
_STRICT: Final = "strict" if sqlite3.sqlite_version_info >= (3, 37) else ""
# Before 3.38 it cannot hand out a part of a JSON text as JSON, which keeps true apart from 1.
_HAS_ARROW: Final = sqlite3.sqlite_version_info >= (3, 38)

SQLITE: Final = Dialect(
    name="SQLite",
    types={
        "text": "text",
        "number": "integer",
        # Numbers of rows that are gone are never given again where others still name them.
        "counted": "integer primary key autoincrement",
        "numbered": "integer primary key",
        "rows": _STRICT,
        "keyed": f"{_STRICT}, without rowid" if _STRICT else "without rowid",
    },
    members="(select value from json_each(?))",
    part="data -> ?" if _HAS_ARROW else "",
    path_start='$."',
    path_end='"',
)
