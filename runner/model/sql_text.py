"""Named parameters in SQL: `:name` is a bound value, `:"name"` a quoted identifier, as in psql."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from runner.errors import RunnerError
from runner.records import dataclass

# Everything in which a colon means nothing: strings, identifiers, dollar quotes, comments, casts, `:=`.
# PostgreSQL documentation, "Lexical Structure"; block comments nest and are skipped by hand.
_TOKEN = re.compile(
    r"""
      (?P<escape>[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<identifier>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[^\W\d]\w*)?\$.*?\$(?(tag)(?P=tag))\$)
    | (?P<line>--[^\n]*)
    | (?P<block>/\*)
    | (?P<cast>::|:=)
    | (?P<word>[^\W\d][\w$]*)
    | :(?P<value>[a-z_]\w*)
    | :"(?P<name>[a-z_]\w*)"
    """,
    re.VERBOSE | re.DOTALL,
)
_REMEMBERED = 64
"""Texts whose parts are kept: whoever reads a job asks for the same text several times in a row."""
_WITHOUT_WORDS = frozenset({"escape", "text", "identifier", "dollar", "line", "block"})


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A parameter and where it stands in the SQL; an identifier is quoted, a value is bound."""

    name: str
    start: int
    end: int
    identifier: bool


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """SQL with `$1`, `$2`, … and the texts that belong to them (None is null)."""

    sql: str
    values: tuple[str | None, ...]

    def encoded(self) -> tuple[bytes, tuple[bytes | None, ...]]:
        """As UTF-8; what cannot be encoded becomes a question mark."""
        values = (None if value is None else value.encode("utf-8", "replace") for value in self.values)
        return self.sql.encode("utf-8", "replace"), tuple(values)


@lru_cache(maxsize=_REMEMBERED)
def placeholders(sql: str) -> tuple[Placeholder, ...]:
    """Every `:name` and `:"name"` outside strings, comments and casts."""
    return tuple(_placeholders(sql))


@lru_cache(maxsize=_REMEMBERED)
def bare(sql: str) -> str:
    """The SQL with spaces in place of texts, quoted identifiers and comments; all else keeps its position."""
    parts: list[str] = []
    position = 0
    for start, end in _quoted(sql):
        parts += [sql[position:start], " " * (end - start)]
        position = end
    return "".join((*parts, sql[position:]))


def identifiers(sql: str) -> tuple[str, ...]:
    """The quoted identifiers, as their names are."""
    texts = (sql[start:end] for start, end in _quoted(sql))
    return tuple(text[1:-1].replace('""', '"') for text in texts if text.startswith('"'))


def bind(sql: str, params: Mapping[str, object]) -> BoundQuery:
    """Replaces the placeholders that `params` knows; others stay as they are and fail on the server."""
    numbers: dict[str, int] = {}
    parts: list[str] = []
    position = 0
    for found in placeholders(sql):
        if found.name not in params:
            continue
        parts.append(sql[position : found.start])
        if found.identifier:
            parts.append(quote_name(str(params[found.name])))
        else:
            parts.append(f"${numbers.setdefault(found.name, len(numbers) + 1)}")
        position = found.end
    parts.append(sql[position:])
    return BoundQuery("".join(parts), tuple(as_text(params[name]) for name in numbers))


def written_at(sql: str, params: Mapping[str, object], offset: int) -> int:
    """The offset in `sql` of what stands at an offset of the text that `bind` makes of it."""
    numbers: dict[str, int] = {}
    shift = 0
    for found in placeholders(sql):
        if found.name not in params:
            continue
        start = found.start + shift
        if offset < start:
            break
        number = numbers.setdefault(found.name, len(numbers) + 1) if not found.identifier else 0
        length = len(quote_name(str(params[found.name]))) if found.identifier else len(f"${number}")
        if offset < start + length:
            return found.start
        shift += length - (found.end - found.start)
    return offset - shift


def quote_identifier(name: str) -> str:
    """One identifier in double quotes."""
    if "\0" in name:
        raise RunnerError("an identifier cannot hold a NUL character")
    return '"' + name.replace('"', '""') + '"'


def quote_name(name: str) -> str:
    """A possibly qualified name (`schema.table`); parts that are already quoted stay one part."""
    parts = re.findall(r'"(?:[^"]|"")*"|[^.]+', name)
    return ".".join(part if part.startswith('"') else quote_identifier(part) for part in parts)


def as_text(value: object) -> str | None:
    """A parameter in PostgreSQL's text form."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "{" + ",".join(_array_item(item) for item in value) + "}"
    return str(value)


def _array_item(value: object) -> str:
    text = as_text(value)
    if text is None:
        return "null"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _placeholders(sql: str) -> Iterator[Placeholder]:
    position = 0
    while match := _TOKEN.search(sql, position):
        position = match.end()
        if match["block"]:
            position = _end_of_comment(sql, position)
        elif match["value"] and not _is_slice(sql, match.start()):
            yield Placeholder(match["value"], match.start(), match.end(), identifier=False)
        elif match["name"]:
            yield Placeholder(match["name"], match.start(), match.end(), identifier=True)


@lru_cache(maxsize=_REMEMBERED)
def _quoted(sql: str) -> tuple[tuple[int, int], ...]:
    return tuple(_find_quoted(sql))


def _find_quoted(sql: str) -> Iterator[tuple[int, int]]:
    position = 0
    while match := _TOKEN.search(sql, position):
        position = match.end()
        if match["block"]:
            position = _end_of_comment(sql, position)
        if match.lastgroup in _WITHOUT_WORDS:
            yield match.start(), position


def _is_slice(sql: str, colon: int) -> bool:
    """`a[1:n]` and `a[n:m]` are array slices, not parameters; a space before the colon makes it one."""
    return colon > 0 and (sql[colon - 1].isalnum() or sql[colon - 1] in "_])")


def _end_of_comment(sql: str, position: int) -> int:
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(sql, position):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(sql)
