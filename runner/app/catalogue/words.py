"""Values of catalogue entries as lines of YAML that a file can take over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from runner.app.readable import scalar
from runner.compile.catalogue import CatalogueEntry
from runner.model.node import plain

NUMBERS = ("params", "warning", "critical", "clear", "for")
"""The keys that hold an operator's own numbers, in the order in which they are written."""

# What may stand in a block of YAML as it is: it begins like a word or a number and holds no sign that ends it.
_PLAIN = re.compile(r"(?!.*(?:: |\s#|:$))[A-Za-z_(][^\n]*[^\s:]")

_MEASURE = re.compile(r"[0-9]+(?:\.[0-9]+)? ?(?:runs?|ms|s|min|h|d|days?|[kMGT]?B|%)")


def numbers_of(entry: CatalogueEntry) -> dict[str, object]:
    """The entry's own numbers by key."""
    return {key: plain(node) for key in NUMBERS if (node := entry.node.get(key)) is not None}


def yaml_lines(key: str, value: object) -> Iterator[str]:
    """`key: value`, over several lines only for a list."""
    if isinstance(value, list):
        yield f"{key}:"
        yield from (f"  - {_block(item)}" for item in value)
    elif isinstance(value, Mapping):
        yield f"{key}: {{{', '.join(f'{name}: {_flow(item)}' for name, item in value.items())}}}"
    else:
        yield f"{key}: {_block(value)}"


def _block(value: object) -> str:
    if isinstance(value, str):
        line = " ".join(value.split())
        if _MEASURE.fullmatch(line) or (_PLAIN.fullmatch(line) and line not in {"true", "false", "null"}):
            return line
        return scalar(line)
    return scalar(value)


def _flow(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_flow(item)}' for name, item in value.items())}}}"
    return value if isinstance(value, str) and _MEASURE.fullmatch(value) else scalar(value)
