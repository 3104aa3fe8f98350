"""What the expressions of plain templates do with values, as Jinja's sandbox does it; what it would refuse is not done."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from types import GeneratorType
from typing import Any, TypeAlias

from runner.plain_tokens import NotPlainError

Value: TypeAlias = Any
"""Whatever the context holds."""
Context: TypeAlias = Mapping[str, Value]
Expression: TypeAlias = Callable[[Context], Value]
Filters: TypeAlias = Mapping[str, Callable[..., Value]]


def text_of(value: Value) -> str:
    if isinstance(value, GeneratorType) or callable(value):
        raise NotPlainError
    return str(value)


def either(left: Expression, right: Expression) -> Expression:
    return lambda context: left(context) or right(context)


def both(left: Expression, right: Expression) -> Expression:
    return lambda context: left(context) and right(context)


def applied(left: Expression, how: Callable[[Value, Value], Value], right: Expression) -> Expression:
    return lambda context: how(left(context), right(context))


def is_in(one: Value, other: Value) -> bool:
    return one in other


def attribute_of(value: Value, name: str) -> Value:
    try:
        found = getattr(value, name)
    except AttributeError:
        found = value[name]
    if callable(found):
        raise NotPlainError
    return found


def _item(value: Value, path: str) -> Value:
    for name in path.split("."):
        try:
            value = value[name]
        except (AttributeError, TypeError, LookupError):
            value = attribute_of(value, name)
    return value


def _checked(path: Value) -> str:
    if not isinstance(path, str) or any(part.startswith("_") or part.isdigit() for part in path.split(".")):
        raise NotPlainError
    return path


def _map(values: Iterable[Value], *, attribute: str) -> Value:
    path = _checked(attribute)
    return (_item(value, path) for value in values)


_TESTS: dict[str, Callable[[Value, Value], Value]] = {"equalto": operator.eq, "in": is_in}


def _select(values: Iterable[Value], attribute: str, test: str, other: Value) -> Value:
    path, passes = _checked(attribute), _TESTS[test]
    return (value for value in values if passes(_item(value, path), other))


def _reject(values: Iterable[Value], attribute: str, test: str, other: Value) -> Value:
    path, passes = _checked(attribute), _TESTS[test]
    return (value for value in values if not passes(_item(value, path), other))


def _unique(values: Iterable[Value]) -> Value:
    """Jinja's `unique` does not tell upper from lower case."""
    kept: dict[Value, Value] = {}
    for value in values:
        kept.setdefault(value.lower() if isinstance(value, str) else value, value)
    return (value for value in kept.values())


def _join(values: Iterable[Value], between: str = "") -> str:
    return str(between).join(map(str, values))


def _sum(values: Iterable[Value]) -> Value:
    return sum(values)


PLAIN_FILTERS: Filters = {
    "length": len, "list": list, "join": _join, "map": _map, "rejectattr": _reject, "selectattr": _select, "sum": _sum,
    "unique": _unique,
}  # fmt: skip
"""Those of Jinja's own filters that are understood here."""
