"""Whether plain data fits a JSON Schema, told as yes or no: nearly every file does, and then nothing has to be said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, Final

Test = Callable[[Any], bool]
_IN_WORDS: Final = frozenset({"$schema", "$defs", "title", "description", "examples", "errorMessage", "writeOnly"})
_PLACE: Final = "#/$defs/"
_TYPES: Final[dict[str, Test]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        (isinstance(value, int) and value is not True and value is not False)
        or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
_search = cache(re.compile)


class _UnknownError(Exception):
    """The schema says something that is not understood here."""


def compiled(schema: Mapping[str, Any]) -> Test | None:
    """A test of plain data as `json` gives it; None when the schema has a keyword that needs a full validator.

    Where such a keyword stands deeper, the data that reach it do not fit: the full validator looks at them.
    """
    try:
        whole = _Compiler(schema.get("$defs", {})).test(schema)
    except _UnknownError:
        return None

    def fits(value: Any) -> bool:
        try:
            return whole(value)
        except _UnknownError:
            return False

    return fits


class _Compiler:
    """Makes closures of schemas; a definition is made once, when it is first referred to."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._made: dict[str, list[Test]] = {}

    def test(self, schema: Any) -> Test:
        if isinstance(schema, bool):
            return lambda _: schema
        tests = [*self._conditions(schema), *self._of_objects(schema), *self._of_values(schema)]
        known = _OBJECTS | _CONDITIONS | _IN_WORDS | set(_VALUES)
        if unknown := set(schema) - known:
            raise _UnknownError(unknown)
        return tests[0] if len(tests) == 1 else partial(_all, tuple(tests))

    def _of_values(self, schema: Mapping[str, Any]) -> Iterable[Test]:
        for keyword, make in _VALUES.items():
            if keyword in schema:
                yield make(schema[keyword])

    def _conditions(self, schema: Mapping[str, Any]) -> Iterable[Test]:
        if "$ref" in schema:
            yield self._reference(str(schema["$ref"]))
        if "allOf" in schema:
            yield from map(self.test, schema["allOf"])
        if "anyOf" in schema:
            yield partial(_any, tuple(map(self.test, schema["anyOf"])))
        if "if" in schema:
            yield partial(_choose, *(self.test(schema.get(branch, True)) for branch in ("if", "then", "else")))
        if "items" in schema:
            yield partial(_items, self.test(schema["items"]))

    def _reference(self, place: str) -> Test:
        name = place.removeprefix(_PLACE)
        if name == place or name not in self._definitions or {"~", "%"} & set(name):
            raise _UnknownError(place)
        if name not in self._made:
            # The list stands there before it is filled, so that a definition may refer to itself.
            made = self._made[name] = []
            made.append(self.test(self._definitions[name]))
        made = self._made[name]
        return made[0] if made else partial(_referred, made)

    def _of_objects(self, schema: Mapping[str, Any]) -> Iterable[Test]:
        if required := tuple(schema.get("required", ())):
            yield lambda value: not isinstance(value, dict) or all(key in value for key in required)
        if {"properties", "patternProperties", "additionalProperties"} & set(schema):
            properties = _Properties(schema.get("properties", {}), self.test)
            patterns = schema.get("patternProperties", {}).items()
            matching = tuple((_search(pattern).search, self.test(fragment)) for pattern, fragment in patterns)
            yield partial(_properties, properties, matching, self.test(schema.get("additionalProperties", True)))


class _Properties(dict[str, "Test | None"]):
    """Their tests, each made for the first value that has it: most documents have few of the properties."""

    def __init__(self, schemas: Mapping[str, Any], make: Callable[[Any], Test]) -> None:
        super().__init__()
        self._schemas, self._make = schemas, make

    def __missing__(self, name: str) -> Test | None:
        if name not in self._schemas:
            return None
        made = self[name] = self._make(self._schemas[name])
        return made


def _referred(made: list[Test], value: Any) -> bool:
    return made[0](value)


def _all(tests: tuple[Test, ...], value: Any) -> bool:
    return all(test(value) for test in tests)


def _any(tests: tuple[Test, ...], value: Any) -> bool:
    return any(test(value) for test in tests)


def _choose(condition: Test, then: Test, otherwise: Test, value: Any) -> bool:
    return then(value) if condition(value) else otherwise(value)


def _items(test: Test, value: Any) -> bool:
    return not isinstance(value, list) or all(map(test, value))


def _properties(
    properties: _Properties, matching: tuple[tuple[Callable[[str], Any], Test], ...], others: Test, value: Any
) -> bool:
    if not isinstance(value, dict):
        return True
    for key, item in value.items():
        test = properties[key]
        if test is not None and not test(item):
            return False
        found = [pattern_test for search, pattern_test in matching if search(key)]
        if not all(pattern_test(item) for pattern_test in found):
            return False
        if test is None and not found and not others(item):
            return False
    return True


def _type(wanted: str | list[str]) -> Test:
    names = [wanted] if isinstance(wanted, str) else wanted
    if unknown := set(names) - set(_TYPES):
        raise _UnknownError(unknown)
    tests = tuple(_TYPES[name] for name in names)
    return tests[0] if len(tests) == 1 else partial(_any, tests)


def _one_of(values: Iterable[Any]) -> Test:
    """JSON tells 1 from true, which Python does not."""
    listed = [(isinstance(value, bool), value) for value in values]
    if any(isinstance(value, (list, dict)) for _, value in listed):
        raise _UnknownError(listed)
    return lambda value: not isinstance(value, (list, dict)) and (isinstance(value, bool), value) in listed


def _pattern(pattern: str) -> Test:
    search = _search(pattern).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _at_least(kind: str, measure: Callable[[Any], Any], limit: Any) -> Test:
    is_kind = _TYPES[kind]
    return lambda value: not is_kind(value) or measure(value) >= limit


def _at_most(kind: str, measure: Callable[[Any], Any], limit: Any) -> Test:
    is_kind = _TYPES[kind]
    return lambda value: not is_kind(value) or measure(value) <= limit


def _itself(value: Any) -> Any:
    return value


_VALUES: Final[dict[str, Callable[[Any], Test]]] = {
    "type": _type,
    "enum": _one_of,
    "const": lambda value: _one_of([value]),
    "pattern": _pattern,
    "minLength": partial(_at_least, "string", len),
    "maxLength": partial(_at_most, "string", len),
    "minItems": partial(_at_least, "array", len),
    "maxItems": partial(_at_most, "array", len),
    "minProperties": partial(_at_least, "object", len),
    "minimum": partial(_at_least, "number", _itself),
    "maximum": partial(_at_most, "number", _itself),
}
_CONDITIONS: Final = frozenset({"$ref", "allOf", "anyOf", "if", "then", "else", "items"})
_OBJECTS: Final = frozenset({"required", "properties", "patternProperties", "additionalProperties"})
