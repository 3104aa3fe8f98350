"""Checks nodes against a JSON Schema and says what is wrong in the words of the format: knows jsonschema alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runner.config.diagnostics import suggest
from runner.config.fits import compiled
from runner.config.nodes import INTERPOLATED_STYLES
from runner.config.remedies import instead_of
from runner.model.diagnostic import Diagnostic, Span
from runner.model.node import MappingNode, Node, Scalar, SequenceNode, plain
from runner.model.suggest import did_you_mean, nearest
from runner.records import dataclass

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

Path = tuple["str | int", ...]
_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """A diagnostic and the path of keys and positions that leads to what it is about."""

    path: Path
    diagnostic: Diagnostic


class Checker:
    """A schema made ready once, for many documents; the library that says what is wrong comes when something is."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)
        self._fits = compiled(self._schema)

    @cached_property
    def _validator(self) -> Draft202012Validator:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self._schema)

    def complaints(self, node: Node) -> list[Complaint]:
        """Everything that the schema refuses in the node, one complaint per cause."""
        data = plain(node)
        if self._fits is not None and self._fits(data):
            return []
        found: list[Complaint] = []
        for error in self._validator.iter_errors(data):
            found.extend(_Reader(node, error).complaints())
        return _without_cascades(found)


def validate(node: Node, schema: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """The diagnostics of one document."""
    return tuple(item.diagnostic for item in Checker(schema).complaints(node))


def _without_cascades(found: list[Complaint]) -> list[Complaint]:
    """A missing key is not worth a word when an unknown one beside it is its misspelling."""
    unknown: dict[Path, list[str]] = {}
    for item in found:
        if item.diagnostic.code == "unknown-key":
            unknown.setdefault(item.path[:-1], []).append(str(item.path[-1]))
    kept = []
    for item in found:
        missing = item.diagnostic.code == "missing-key"
        if missing and nearest(str(item.path[-1]), unknown.get(item.path[:-1], ())):
            continue
        kept.append(item)
    return list({item.diagnostic: item for item in kept}.values())


class _Reader:
    """Turns one error of the validator into complaints."""

    def __init__(self, root: Node, error: ValidationError) -> None:
        self._root = root
        self._error = error
        self._path: Path = tuple(error.absolute_path)
        self._node = _at(root, self._path)

    def complaints(self) -> Iterator[Complaint]:
        error = self._error
        match str(error.validator):
            case "additionalProperties":
                yield from self._unknown_keys()
            case "required":
                yield from self._missing_keys()
            case "anyOf" | "oneOf":
                yield from self._branches()
            case "enum" | "const":
                yield self._choice()
            case _:
                yield self._value(self._words(), self._remedy())

    def _unknown_keys(self) -> Iterator[Complaint]:
        schema = self._error.schema
        known = list(schema.get("properties", {})) if isinstance(schema, Mapping) else []
        if not isinstance(self._node, MappingNode):
            return
        for key, entry in self._node.entries.items():
            if key not in known and not key.startswith("x-"):
                hint = did_you_mean(key, known) or "keys that start with x- are free"
                yield self._complaint((*self._path, key), "unknown-key", entry.key_span, f"unknown key `{key}`", hint)

    def _missing_keys(self) -> Iterator[Complaint]:
        present = self._node.entries if isinstance(self._node, MappingNode) else {}
        required: Any = self._error.validator_value
        for key in required:
            if key not in present and f"{key!r} is a required property" == self._error.message:
                what = f"{self._name()} needs" if self._path else "this needs"
                hint = _describe(self._error.schema, key)
                path = (*self._path, key)
                yield self._complaint(path, "missing-key", self._key_span(), f"{what} the key `{key}`", hint)

    def _branches(self) -> Iterator[Complaint]:
        branches: dict[Any, list[ValidationError]] = {}
        for inner in self._error.context or ():
            branches.setdefault(inner.schema_path[0], []).append(inner)
        if branches and all(inner.validator == "required" for group in branches.values() for inner in group):
            yield self._kindless([_first(inner.validator_value) for group in branches.values() for inner in group])
            return
        fitting = [group for group in branches.values() if all(not _wrong_type(inner) for inner in group)]
        if len(fitting) == 1 and not self._own_words():
            for inner in fitting[0]:
                inner.parent = self._error
                yield from _Reader(self._root, inner).complaints()
            return
        yield self._value(self._own_words() or f"must be {_alternatives(self._error)}", self._remedy())

    def _kindless(self, kinds: list[str]) -> Complaint:
        keys = list(self._node.entries) if isinstance(self._node, MappingNode) else []
        for key in keys:
            if meant := nearest(key, kinds):
                span = self._node.key_span(key) if isinstance(self._node, MappingNode) else self._node.span
                message = f"unknown key `{key}`"
                return self._complaint((*self._path, key), "unknown-key", span, message, f"did you mean `{meant}`?")
        message = "this job has no name"
        hint = f"name it with the key that says what it is: {', '.join(f'`{kind}: …`' for kind in kinds)}"
        span = _first_line(self._node)
        return self._complaint(self._path, "unknown-kind", span, message, hint)

    def _choice(self) -> Complaint:
        if own := self._own_words():
            return self._value(own, self._remedy())
        expected: Any = self._error.validator_value
        choices = [str(item) for item in (expected if self._error.validator == "enum" else [expected])]
        given = self._shown()
        hint = suggest(given, choices, "choice") if given else f"choose from: {', '.join(choices)}"
        if len(choices) == 1:
            return self._value(f"must be {choices[0]}", "")
        is_text = isinstance(self._node, Scalar) and not _is_hidden(self._node)
        return self._value(f"cannot be `{given}`" if is_text else f"must be one of {', '.join(choices)}", hint)

    def _words(self) -> str:
        error = self._error
        if own := self._own_words():
            return own
        limit: Any = error.validator_value
        match str(error.validator):
            case "type":
                return f"must be {_named(limit)}, not {_kind(self._node)}"
            case "minLength" | "minItems" | "minProperties":
                return "must not be empty" if limit == 1 else f"must have at least {limit}"
            case "maxLength" | "maxItems" | "maxProperties":
                return f"must have at most {limit}"
            case "minimum" | "exclusiveMinimum":
                return f"must be at least {limit}" if error.validator == "minimum" else f"must be more than {limit}"
            case "maximum" | "exclusiveMaximum":
                return f"must be at most {limit}" if error.validator == "maximum" else f"must be less than {limit}"
            case "uniqueItems":
                return "has the same item twice"
            case "dependentRequired" | "dependentSchemas":
                return "needs another key beside it"
            case _:
                return "has a form that is not understood"

    def _remedy(self) -> str:
        expected = self._error.validator_value
        types = expected if isinstance(expected, list) else [expected]
        node = self._node
        schema = self._error.schema
        examples = schema.get("examples") if isinstance(schema, Mapping) else None
        if isinstance(node, Scalar) and not _is_hidden(node):
            wanted = {str(name) for name in types} if self._error.validator == "type" else set()
            if not _holds_texts(schema):
                wanted.discard("array")
            if hint := instead_of(node.text, wanted, self._own_words()):
                return hint
        wants_text = self._error.validator == "type" and "string" in types and not self._own_words()
        if wants_text and isinstance(node, Scalar) and node.value is not None:
            return f'quote it: "{node.text}"'
        return f"for example: {_inline(examples[0])}" if examples else ""

    def _own_words(self) -> str:
        schema = self._error.schema
        return str(schema.get("errorMessage", "")) if isinstance(schema, Mapping) else ""

    def _value(self, words: str, hint: str) -> Complaint:
        span = self._node.span
        if isinstance(self._node, Scalar) and self._node.value is None:
            span = self._key_span()
        elif not isinstance(self._node, Scalar):
            span = _first_line(self._node)
        return self._complaint(self._path, "bad-value", span, f"{self._name()} {words}", hint)

    def _name(self) -> str:
        if not self._path:
            return "the file"
        last = self._path[-1]
        if isinstance(last, int):
            keys = [part for part in self._path if isinstance(part, str)]
            return f"item {last + 1} of `{keys[-1]}`" if keys else f"item {last + 1}"
        return f"`{last}`"

    def _shown(self) -> str:
        if isinstance(self._node, Scalar) and not _is_hidden(self._node):
            return self._node.text
        return ""

    def _key_span(self) -> Span:
        for length in range(len(self._path), 0, -1):
            parent, last = _at(self._root, self._path[: length - 1]), self._path[length - 1]
            if isinstance(parent, MappingNode) and isinstance(last, str):
                return parent.key_span(last)
            if isinstance(last, int):
                return _first_line(_at(self._root, self._path[:length]))
        return _first_line(self._node)

    @staticmethod
    def _complaint(path: Path, code: str, span: Span, message: str, hint: str) -> Complaint:
        return Complaint(path, Diagnostic(code=code, span=span, message=message, hint=hint))


def _at(node: Node, path: Iterable[str | int]) -> Node:
    for part in path:
        if isinstance(node, MappingNode) and isinstance(part, str) and part in node:
            node = node.entries[part].node
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            node = node.items[part]
    return node


def _first_line(node: Node) -> Span:
    """A mapping or a list is shown by its first key or its first line."""
    if isinstance(node, MappingNode) and node.entries:
        return next(iter(node.entries.values())).key_span
    span = node.span
    return span if span.end_line == span.line else Span(span.file, span.line, span.column, span.line, span.column + 1)


def _wrong_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.path


def _alternatives(error: ValidationError) -> str:
    words: list[str] = []
    branches: Any = error.validator_value
    for branch in branches:
        if "type" in branch:
            words.append(_named(branch["type"]))
        elif "enum" in branch:
            words.append(f"one of {', '.join(map(str, branch['enum']))}")
        elif "const" in branch:
            words.append(str(branch["const"]).lower())
    return " or ".join(dict.fromkeys(words)) or "in another form"


def _named(types: str | list[str]) -> str:
    return " or ".join(_TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types))


def _kind(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if node.value is None:
        return "empty"
    if isinstance(node.value, bool):
        return node.text
    return "a text" if isinstance(node.value, str) else "a number"


def _holds_texts(schema: object) -> bool:
    """Whether a list of texts is wanted."""
    items = schema.get("items") if isinstance(schema, Mapping) else None
    return isinstance(items, Mapping) and items.get("type") == "string"


def _is_hidden(node: Scalar) -> bool:
    return node.style in INTERPOLATED_STYLES


def _describe(schema: Any, key: str) -> str:
    fragment = schema.get("properties", {}).get(key, {}) if isinstance(schema, Mapping) else {}
    examples = fragment.get("examples")
    return f"for example: `{key}: {_inline(examples[0])}`" if examples else str(fragment.get("description", ""))


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first(values: Any) -> str:
    return str(values[0])
