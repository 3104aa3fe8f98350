"""Stores in PostgreSQL for tests: their URLs, and what others do to them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def url_of(options: Mapping[str, str], **more: str) -> str:
    """`postgresql://…` of libpq's keywords."""
    given = {**options, **more}
    user, password, name = (quote(given.pop(key, ""), safe="") for key in ("user", "password", "dbname"))
    return f"postgresql://{user}{password and f':{password}'}@/{name}?{urlencode(given)}"
