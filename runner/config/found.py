"""What a source of targets said, row by row, to targets; what cannot be used is left out and told, never shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from runner.config.dsn import KEYWORDS, parse_dsn
from runner.config.job_keys import NAME_PATTERN, NAME_WORDS
from runner.errors import ConfigurationError
from runner.model.inventory import FoundTarget
from runner.model.secret import revealed
from runner.model.suggest import did_you_mean
from runner.model.target import DatabaseFilter
from runner.offers import TargetRow
from runner.records import dataclass

MOST_TARGETS: Final = 20_000
_LONGEST_NAME: Final = 100
_LONGEST: Final = 2000
_LABEL: Final = "label_"
_OWN: Final = ("name", "dsn", "labels", "databases", "params")
_KNOWN: Final = frozenset({*KEYWORDS, *_OWN})
_ADDRESSES: Final = ("host", "hostaddr", "service")
_STEERING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_PORT: Final = re.compile(r"[0-9]{1,5}(,[0-9]{1,5})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The targets that can be used, and a sentence about each row that cannot."""

    targets: tuple[FoundTarget, ...]
    complaints: tuple[str, ...] = ()


class _UnusableError(Exception):
    """Why a row is no target; never with a value that may be a password."""


def found_in(rows: Iterable[TargetRow], defaults: Mapping[str, object], before: Iterable[FoundTarget] = ()) -> Found:
    """The targets of all rows. A row that is wrong leaves the target as it was known `before`.

    Raises ConfigurationError for more than 20,000 rows, and for rows that are no mappings.
    """
    known = {target.name: target for target in before}
    found: dict[str, FoundTarget] = {}
    complaints: dict[str, None] = {}
    for number, row in enumerate(rows, 1):
        if number > MOST_TARGETS:
            raise ConfigurationError(
                f"it names more than {MOST_TARGETS:,} targets", hint="split it into several sources"
            )
        if not isinstance(row, TargetRow) or not isinstance(row.values, Mapping):
            raise ConfigurationError(f"item {number} of what it returned is no TargetRow")
        where = row.where or f"row {number}"
        name = row.values.get("name")
        try:
            target = _target(row.values, where, defaults)
            _refuse_twice(target, found)
            found[target.name] = target
            complaints.update(dict.fromkeys(_unknown(row.values)))
        except _UnusableError as error:
            complaints[f"{where}: {error}"] = None
            if isinstance(name, str) and name in known:
                found.setdefault(name, known[name])
    return Found(targets=tuple(found.values()), complaints=tuple(complaints))


def _refuse_twice(target: FoundTarget, found: Mapping[str, FoundTarget]) -> None:
    if target.name in found:
        raise _UnusableError(f"the target `{target.name}` is there already ({found[target.name].where})")


def _unknown(values: Mapping[str, object]) -> Iterable[str]:
    for key in values:
        if key not in _KNOWN and not (isinstance(key, str) and key.startswith((_LABEL, "x-", "x_"))):
            near = did_you_mean(str(key), sorted(_KNOWN))
            yield f"`{_shown(key)}` says nothing about a target{f': {near}' if near else ''}"


def _target(values: Mapping[str, object], where: str, defaults: Mapping[str, object]) -> FoundTarget:
    name = _name(values.get("name"))
    options = {key: _text(key, values[key]) for key in KEYWORDS if values.get(key) not in (None, "")}
    if values.get("dsn"):
        options = {**_of_dsn(_text("dsn", values["dsn"])), **options}
    if not any({**defaults, **options}.get(key) for key in _ADDRESSES):
        raise _UnusableError(f"`{name}` has no host")
    if not _is_port(options.get("port", "1")):
        raise _UnusableError(f"the port of `{name}` is not a number from 1 to 65535")
    return FoundTarget(
        name=name,
        options=options,
        labels=_labels(values),
        databases=_databases(values.get("databases")),
        params=_mapping("params", values.get("params")),
        where=where,
    )


def _name(value: object) -> str:
    if value in (None, ""):
        raise _UnusableError("it has no name")
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not re.match(NAME_PATTERN, value):
        raise _UnusableError(f"`{_shown(value)}` {NAME_WORDS}, at most {_LONGEST_NAME} characters")
    return value


def _shown(value: object) -> str:
    text = _STEERING.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and all(1 <= int(part) <= 65535 for part in text.split(","))


def _text(key: str, value: object) -> str:
    if isinstance(value, (float, Decimal)) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _UnusableError(f"`{key}` is not a text")
    text = str(value)
    if len(text) > _LONGEST or _STEERING.search(text):
        raise _UnusableError(f"`{key}` is too long or has characters that cannot be seen")
    return text


def _of_dsn(text: str) -> dict[str, str]:
    try:
        return {key: revealed(value) for key, value in parse_dsn(text).items()}
    except ConfigurationError as error:
        raise _UnusableError(f"`dsn`: {error.message}") from None


def _labels(values: Mapping[str, object]) -> dict[str, str]:
    given = {**_mapping("labels", values.get("labels"))}
    given |= {key.removeprefix(_LABEL): value for key, value in values.items() if key.startswith(_LABEL)}
    return {_text("labels", key): _label(key, value) for key, value in given.items() if value is not None}


def _label(key: str, value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _text(f"{_LABEL}{_shown(key)}", value)


def _mapping(key: str, value: object) -> Mapping[str, Any]:
    """A mapping of plain values, or its JSON text."""
    if value in (None, ""):
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _UnusableError(f"`{key}` is not JSON") from None
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str) and isinstance(item, (str, int, float, bool, Decimal, type(None)))
        for name, item in value.items()
    ):
        raise _UnusableError(f"`{key}` is not a mapping of texts and numbers")
    return {name: float(item) if isinstance(item, Decimal) else item for name, item in value.items()}


def _databases(value: object) -> DatabaseFilter | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not set(value) <= {"include", "exclude"}:
        raise _UnusableError("`databases` is not a mapping with `include` and `exclude`")
    return DatabaseFilter(
        include=_patterns(value.get("include", ("*",))), exclude=_patterns(value.get("exclude", ()))
    )  # fmt: skip


def _patterns(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise _UnusableError("`databases` needs lists of patterns")
    return tuple(value)
