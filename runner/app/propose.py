"""Guesses about a query from what it returns: units, the key, thresholds that do not fire now, a message, tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from runner.app.readable import above, literal
from runner.expr import Quantity, quantity, text_of
from runner.model.quantity import KINDS, Dimension
from runner.records import dataclass

_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_FRACTIONS = frozenset({"numeric", "real", "double precision"})
_BY_TYPE = {
    "interval": "interval", "boolean": "bool", "date": "timestamp", "timestamp with time zone": "timestamp",
    "timestamp without time zone": "timestamp",
}  # fmt: skip
_BY_NAME = (
    (re.compile(r"(^|_)(bytes|size)$"), "bytes"),
    (re.compile(r"_kb$"), "kB"),
    (re.compile(r"_mb$"), "MB"),
    (re.compile(r"_us$"), "us"),
    (re.compile(r"_(ms|milliseconds)$"), "ms"),
    (re.compile(r"(^|_)(s|secs?|seconds)$"), "seconds"),
    (re.compile(r"_minutes$"), "min"),
    (re.compile(r"(^|_)(percent|pct)$"), "percent"),
    (re.compile(r"(^|_)(ratio|share|fraction)$"), "ratio"),
)
_IDENTIFIER = re.compile(r"(^|_)(pid|oid|id|port)$")
# What changes while a row stays the same row.
_CHANGES = re.compile(
    r"(^|_)(state|status|query|message|reason|error|event|event_type|version|setting|value|text|definition|comment)$"
)
_SCHEMA = re.compile(r"^(schema|schemaname|schema_name|nspname)$")
_MEASURES = (Dimension.NUMBER, Dimension.BYTES, Dimension.SECONDS, Dimension.RATIO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a query returned once. `types` are PostgreSQL's words by column; empty when they could not be asked."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A value for the file, and in one line why; `limit` is what a threshold compares with, in base units."""

    value: str
    why: str
    limit: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A row for `tests:` and the state that it has; `key` names its finding, empty when it is ok."""

    name: str
    row: Mapping[str, object]
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """All guesses about one query; thresholds that cannot be guessed are None."""

    kinds: Mapping[str, Guess]
    key: tuple[str, ...]
    why_key: str
    warning: Guess | None
    critical: Guess | None
    message: str
    examples: tuple[Example, ...]


def propose(seen: Seen, key: Sequence[str] = ()) -> Proposal:
    """Guesses from the rows; `key` is what the user said, and taken as it is."""
    kinds = {name: guess for name in seen.columns if name not in key and (guess := _kind(seen, name))}
    found, why = (tuple(key), "as asked for") if key else _key(seen, kinds)
    gauge = next((name for name, guess in kinds.items() if KINDS[guess.value][0] in _MEASURES), "")
    warning, critical = _thresholds(seen, gauge, kinds[gauge].value if gauge else "")
    return Proposal(
        kinds=kinds, key=found, why_key=why, warning=warning, critical=critical,
        message=_message(found, gauge, kinds), examples=_examples(seen, kinds, found, gauge, (warning, critical)),
    )  # fmt: skip


def _kind(seen: Seen, name: str) -> Guess | None:
    """What a column measures; None for texts and identifiers."""
    kind = seen.types.get(name) or _type_of_values([row[name] for row in seen.rows])
    if kind in _BY_TYPE:
        return Guess(value=_BY_TYPE[kind], why=kind)
    if kind not in _INTEGERS | _FRACTIONS or _IDENTIFIER.search(name.lower()):
        return None
    unit = next((unit for pattern, unit in _BY_NAME if pattern.search(name.lower())), "")
    if unit:
        return Guess(value=unit, why=f"{kind}, and its name")
    if kind == "double precision" and name.lower().endswith("_time"):
        return Guess(value="ms", why="PostgreSQL's own statistics count time in ms")
    return Guess(value="count" if kind in _INTEGERS else "number", why=kind)


def _type_of_values(values: Sequence[object]) -> str:
    types = {type(value) for value in values if value is not None}
    if types == {int}:
        return "bigint"
    if types and types <= {int, float, Decimal}:
        return "numeric"
    return {timedelta: "interval", bool: "boolean"}.get(next(iter(types)), "text") if len(types) == 1 else "text"


def _key(seen: Seen, kinds: Mapping[str, Guess]) -> tuple[tuple[str, ...], str]:
    """The first text columns that are different together in all rows."""
    texts = [name for name in seen.columns if name not in kinds]
    steady = [name for name in texts if not _CHANGES.search(name.lower())]
    count = len(seen.rows)
    if count < 2:
        return tuple(steady), "the columns that look like names" if steady else "one row needs none"
    for names in (steady, texts):
        for size in range(1, len(names) + 1):
            chosen = names[:size]
            if _SCHEMA.match(chosen[-1].lower()) and size < len(names):
                continue
            if len({tuple(text_of(row[name]) for name in chosen) for row in seen.rows}) == count:
                return tuple(chosen), f"different in each of the {count:,} rows seen"
    return (), "no text columns are different together in all rows seen"


def _thresholds(seen: Seen, gauge: str, kind: str) -> tuple[Guess | None, Guess | None]:
    count = len(seen.rows)
    if not count:
        return Guess(value="true", why="the query returned nothing, so any row is news"), None
    values = [found.value for row in seen.rows if isinstance(found := quantity(row[gauge], kind, gauge), Quantity)] \
        if gauge else []  # fmt: skip
    numbers = [Fraction(value) for value in values if isinstance(value, (int, Decimal, Fraction))]
    if not numbers:
        limit = above(Fraction(2 * count), Dimension.NUMBER)
        return Guess(value=f"rows > {literal(limit, Dimension.NUMBER)}", why=f"there were {count:,}"), None
    most, dimension = max(numbers), KINDS[kind][0]
    shown = Quantity(most, dimension)
    if most <= 0:
        return Guess(value=f"{gauge} > 0", why=f"at most {shown} now", limit=Fraction(0)), None
    if dimension is Dimension.RATIO and most <= 1:
        return _shares(gauge, most, shown)
    warning = above(2 * most, dimension)
    return (
        _over(gauge, warning, dimension, f"about twice what there is at most now ({shown})"),
        _over(gauge, above(2 * warning, dimension), dimension, "twice that"),
    )


def _over(gauge: str, limit: Fraction, dimension: Dimension, why: str) -> Guess:
    return Guess(value=f"{gauge} > {literal(limit, dimension)}", why=why, limit=limit)


def _shares(gauge: str, most: Fraction, shown: Quantity) -> tuple[Guess | None, Guess | None]:
    """Below 100 %: twice the present share, or half-way to the whole."""
    warning = above(min(2 * most, (most + 1) / 2), Dimension.RATIO)
    if not most < warning < 1:
        return None, None
    why = f"between what there is at most now ({shown}) and 100 %"
    critical = above((warning + 1) / 2, Dimension.RATIO)
    severe = _over(gauge, critical, Dimension.RATIO, "half-way from there") if critical < 1 else None
    return _over(gauge, warning, Dimension.RATIO, why), severe


def _message(key: Sequence[str], gauge: str, kinds: Mapping[str, Guess]) -> str:
    names = ".".join(f"{{{{ {name} }}}}" for name in key)
    words = gauge.replace("_", " ")
    value = f"{{{{ {gauge} }}}}"
    said = f"{value} {words}" if gauge and kinds[gauge].value == "count" else f"{words} {value}" if gauge else ""
    return ": ".join(part for part in (names, said) if part)


def _examples(
    seen: Seen,
    kinds: Mapping[str, Guess],
    key: Sequence[str],
    gauge: str,
    thresholds: tuple[Guess | None, Guess | None],
) -> tuple[Example, ...]:
    """A real row as it is, and the same row beyond the warning; only what is judged and what names the row."""
    warning = thresholds[0]
    if not seen.rows:
        return ()
    row = max(seen.rows, key=lambda row: _size(row, gauge, kinds))
    real = {name: _plain(row[name]) for name in seen.columns if name in kinds or name in key}
    calm = Example(name="a row as it was when this was written", row=real)
    if warning is None or warning.limit is None:
        return (calm,)
    raised = _beyond(warning.limit, thresholds[1], kinds[gauge].value)
    named = ".".join(text_of(real[name]) for name in key) or "(all)"
    return calm, Example(name="the same row with more", row={**real, gauge: raised}, key=named)


def _size(row: Mapping[str, object], gauge: str, kinds: Mapping[str, Guess]) -> Fraction:
    found = quantity(row[gauge], kinds[gauge].value, gauge) if gauge else None
    value = found.value if isinstance(found, Quantity) else None
    return Fraction(value) if isinstance(value, (int, Decimal, Fraction)) else Fraction(-1)


def _beyond(low: Fraction, critical: Guess | None, kind: str) -> object:
    """A value between the thresholds, in the unit of the column."""
    dimension, factor = KINDS[kind]
    whole = Fraction(1) if dimension is Dimension.RATIO and low < 1 else 2 * low + 2
    high = critical.limit if critical and critical.limit is not None else whole
    return _plain_number((low + high) / 2 / Fraction(factor))


def _plain_number(value: Fraction) -> object:
    return int(value) if value.denominator == 1 else float(value)


def _plain(cell: object) -> object:
    """A cell as YAML can hold it: intervals in seconds, times and everything else as text."""
    if cell is None or isinstance(cell, (bool, int, str)):
        return cell
    if isinstance(cell, timedelta):
        return _plain_number(Fraction(cell // timedelta(microseconds=1), 10**6))
    if isinstance(cell, (float, Decimal)):
        return float(cell)
    return text_of(cell)
