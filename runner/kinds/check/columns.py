"""Which columns a query can have, judged from its text alone: a superset, or nothing when it has a star."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from runner.model.sql_text import bare, identifiers

# `select *` and `t.*` bring columns that the text does not name.
_STAR = re.compile(
    r"\bselect\s+(?:all\s+|distinct\s+(?:on\s*\([^()]*\)\s*)?)?\*|\.\s*\*|,\s*\*|\breturning\s+\*|(?:\A|[(;])\s*table\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d]\w*")
_LABEL = re.compile(r"\bas\s+([^\W\d]\w*)", re.IGNORECASE)
# PostgreSQL documentation, "SQL Key Words": no column is called so without quotes or `as`. Those that name the column
# of an expression (`case`, `array`, `current_date`) are left out.
_RESERVED = re.compile(
    r"all|analyse|analyze|and|any|as|asc|asymmetric|both|cast|check|collate|column|constraint|create|cross|default"
    r"|deferrable|desc|distinct|do|else|end|except|false|fetch|for|foreign|from|full|grant|group|having|ilike|in|initially"
    r"|inner|intersect|into|is|isnull|join|lateral|leading|like|limit|natural|not|notnull|null|offset|on|only|or|order|outer"
    r"|placing|primary|references|returning|select|similar|some|symmetric|table|then|to|trailing|true|union|unique|using"
    r"|variadic|verbose|when|where|window|with"
)


def named_columns(texts: Iterable[str]) -> frozenset[str] | None:
    """The names that columns of these queries can have, None when the texts do not tell."""
    found: set[str] = set()
    for text in texts:
        names = _named_in(text)
        if names is None:
            return None
        found |= names
    return frozenset(found) or None


@lru_cache(maxsize=1024)
def _named_in(text: str) -> frozenset[str] | None:
    """Of one query; it is asked for each column that somebody names."""
    plain = bare(text)
    if _STAR.search(plain):
        return None
    words = {word.lower() for word in _WORD.findall(plain)}
    labels = {word.lower() for word in _LABEL.findall(plain)}
    return frozenset({word for word in words if not _RESERVED.fullmatch(word)} | labels | set(identifiers(text)))
