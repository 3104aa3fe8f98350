"""Lists of what is included and excluded there, as a condition on the columns of a check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from runner.app.imports.calls import PGACTIVITY, Call
from runner.errors import RunnerError

_LISTS = ("include", "exclude", "includeuser", "excludeuser", "dbinclude", "dbexclude")


def filter_of(call: Call, columns: Mapping[str, str]) -> str:
    """The condition that a row must fulfil to be judged; empty when all are.

    Raises RunnerError when the check has no column for a list. As there, what is included wins over what is excluded.
    """
    given = [name for name in _LISTS if call.options.get(name)]
    for name in given:
        if not _column(name, columns):
            raise RunnerError(f"--{name} has no counterpart: the check does not show what it would filter by")
    pairs = (("include", "exclude"), ("includeuser", "excludeuser"), ("dbinclude", "dbexclude"))
    found = (_pair(call, include, exclude, columns) for include, exclude in pairs)
    return " and ".join(filter(None, found))


def filtered(condition: str, wanted: str) -> str:
    """The condition for the rows that fulfil the other one."""
    if not wanted:
        return condition
    if condition.startswith("rows "):
        return f"count({wanted}) {condition.removeprefix('rows ')}"
    if counted := re.fullmatch(r"count\((.*)\) >= (\d+)", condition):
        return f"count({counted[1]} and {wanted}) >= {counted[2]}"
    return f"({condition}) and {wanted}" if " or " in condition else f"{condition} and {wanted}"


def _column(name: str, columns: Mapping[str, str]) -> str:
    if name.endswith("user"):
        return columns.get("user", "")
    if name.startswith("db"):
        return "database" if columns.get("name") == "database" else ""
    return columns.get("name", "")


def _pair(call: Call, include: str, exclude: str, columns: Mapping[str, str]) -> str:
    regular = include.startswith("db") or call.tool == PGACTIVITY
    wanted = " or ".join(_any_of(_values(call, include, regular), include, columns, regular))
    unwanted = " or ".join(_any_of(_values(call, exclude, regular), exclude, columns, regular))
    if unwanted:
        refusal = f"not ({unwanted})"
        return f"({refusal} or {wanted})" if wanted else refusal
    return f"({wanted})" if " or " in wanted else wanted


def _values(call: Call, name: str, regular: bool) -> Sequence[str]:
    return call.options.get(name, ()) if regular else call.many(name)


def _any_of(values: Sequence[str], name: str, columns: Mapping[str, str], regular: bool) -> Iterator[str]:
    column, plain = _column(name, columns), []
    for value in values:
        bare = value.removeprefix("~")
        if regular or value.startswith("~"):
            schema = not regular and bare.endswith(".") and "schema" in columns
            yield f"{columns['schema'] if schema else column} matches {_text(_pattern(bare.removesuffix('.') if schema else bare))}"
        elif value.endswith(".") and "schema" in columns:
            yield f"{columns['schema']} = {_text(value[:-1])}"
        else:
            plain.append(_text(value))
    if plain:
        yield f"{column} = {plain[0]}" if len(plain) == 1 else f"{column} in ({', '.join(plain)})"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise RunnerError(f"the regular expression `{text}` cannot be read: {error}") from error
    return text


def _text(value: str) -> str:
    if "'" in value:
        raise RunnerError("a name with a quotation mark is not carried over")
    return f"'{value}'"
