"""How the model's values stand in columns: times, keys and short JSON texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.model.codec import encode, instant, moment
from runner.model.history import Key, Number, Series

_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
# In JSON a line feed inside a text is always escaped: a real one can only be part of this separator.
_write_many = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",\n", ":")).encode


def json_text(data: Any) -> str:
    """Compact JSON of what `codec.encode` returned."""
    return _write(data)


def json_texts(items: Sequence[Mapping[str, Number]] | Sequence[Sequence[str]]) -> list[str]:
    """Compact JSON of each of many flat mappings or of many keys, written at once: one by one takes twice as long."""
    if not items:
        return []
    try:
        text = _write_many(items)
        text.encode()
    except (TypeError, ValueError):
        text = _write_many([encode(item) for item in items])
    opening, closing = text[1], text[-2]
    parts = text[2:-2].split(f"{closing},\n{opening}")
    return [opening + part.replace(",\n", ",") + closing for part in parts]


def json_rows(texts: Iterable[str]) -> list[Any]:
    """Many JSON texts read at once, which is several times quicker than one by one."""
    joined: list[Any] = json.loads(f"[{','.join(texts)}]")
    return joined


def instant_or_none(value: datetime | None) -> str | None:
    return None if value is None else instant(value)


def moment_or_none(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def key_text(key: Key) -> str:
    """A key as JSON, so that no separator can be part of it."""
    return json_texts([key])[0]


def series_of(database: str, key: str) -> Series:
    return Series(database, tuple(json.loads(key)))


def all_series(rows: Sequence[tuple[str, str]]) -> list[Series]:
    """Series of (database, key) rows."""
    keys = json_rows(key for _, key in rows)
    return [Series(database, tuple(key)) for (database, _), key in zip(rows, keys, strict=True)]
