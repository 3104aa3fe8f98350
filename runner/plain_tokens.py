"""Template sources in pieces: texts, outputs and blocks, and the words inside of them.

Jinja documentation, "Template Designer Documentation"; its lexer (`jinja2.lexer`) knows more forms than are understood here.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"(\{\{-?|\{%-?)((?:[^'\"}%]|'[^']*'|\"[^\"]*\"|\}(?!\})|%(?!\}))*?)(-?\}\}|-?%\})")
_TOKEN = re.compile(
    r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(?![\w.])|'([^'\\\n]*)'|\"([^\"\\\n]*)\""
    r"|(==|!=|>=|<=|[-+~|.,()\[\]<>=]))"
)

FIELD = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)(?:\.([A-Za-z][A-Za-z0-9_]*))?\s*(?:\|\s*([a-z]+)\s*)?", re.ASCII)
"""Inside of an output: a name, perhaps an attribute, perhaps a filter."""
# What is longer may be nested deeper than Python can follow, and Jinja tells that.
_MOST_TOKENS = 200


class NotPlainError(Exception):
    """The template, or a value that it was to show, is Jinja's business."""


def pieces_of(source: str) -> list[tuple[str, str]]:
    """Texts ("text"), `{{ … }}` ("{") and `{% … %}` ("%") in their order, without the white space that a `-` takes away."""
    pieces: list[tuple[str, str]] = []
    end, trims = 0, False
    for found in _TAG.finditer(source):
        opening, inside, closing = found.groups()
        if closing.endswith("%}") is not opening.startswith("{%"):
            raise NotPlainError
        pieces.append(("text", _trimmed(source[end : found.start()], trims, opening.endswith("-"))))
        pieces.append(("%" if "%" in opening else "{", inside))
        end, trims = found.end(), closing.startswith("-")
    pieces.append(("text", _trimmed(source[end:], trims, False)))
    texts = [text for kind, text in pieces if kind == "text"]
    blocks = any(kind == "%" for kind, _ in pieces)
    # Jinja takes white space around blocks away where a line has nothing else.
    if any("{" in text for text in texts) or "\r" in source or (blocks and ("\n" in source or source[:1].isspace())):
        raise NotPlainError
    return [piece for piece in pieces if piece[1] or piece[0] != "text"]


def _trimmed(text: str, left: bool, right: bool) -> str:
    text = text.lstrip() if left else text
    return text.rstrip() if right else text


def tokens_of(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found or len(tokens) >= _MOST_TOKENS:
            raise NotPlainError
        word, number, single, double, sign = found.groups()
        if word is not None:
            tokens.append(("word", word))
        elif number is not None:
            tokens.append(("number", number))
        elif sign is not None:
            tokens.append(("sign", sign))
        else:
            tokens.append(("string", single if single is not None else double))
        at = found.end()
    return tokens
