"""PostgreSQL's text form of arrays (its documentation, "Arrays: Array Input and Output Syntax")."""

from __future__ import annotations

import re
from collections.abc import Callable

_PIECE = re.compile(r'\s*(?:([{}])|"((?:[^"\\]|\\.)*)"|([^{},"\s]+(?:\s+[^{},"\s]+)*))\s*,?', re.DOTALL)


def array_of(text: str, read: Callable[[str], object]) -> list[object]:
    """Nested lists for several dimensions; None for NULL. Raises ValueError for what is no array."""
    start = text.find("{")
    if start < 0 or (start and not text[:start].endswith("=")):
        raise ValueError(text)
    outermost: list[object] = []
    open_ = [outermost]
    for found in _PIECE.finditer(text, start):
        bracket, quoted, plain = found.groups()
        if bracket == "{":
            inner: list[object] = []
            open_[-1].append(inner)
            open_.append(inner)
        elif bracket:
            open_.pop()
        else:
            open_[-1].append(_element(quoted, plain, read))
    whole = outermost[0]
    assert isinstance(whole, list)
    return whole


def _element(quoted: str | None, plain: str | None, read: Callable[[str], object]) -> object:
    if quoted is not None:
        return read(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
    return None if plain is None or plain.upper() == "NULL" else read(plain)
