"""From text to tokens."""

from __future__ import annotations

import re
from typing import Final, Literal

from runner.expr.problems import LIMIT, error
from runner.records import dataclass

MAX_LENGTH: Final = 4000
KEYWORDS: Final = frozenset(
    {"and", "or", "not", "between", "in", "matches", "is", "null", "true", "false", "of", "rows"}
)
OPERATORS: Final = frozenset({">", ">=", "<", "<=", "=", "==", "!=", "<>", "+", "-", "*", "/", "%", "(", ")", ",", "."})
_WRITTEN_OTHERWISE: Final = {
    "&&": "write `and`",
    "&": "write `and`",
    "||": "write `or`",
    "|": "write `or`",
    "!": "write `not`",
    "=>": "write `>=`",
    "=<": "write `<=`",
    "≥": "write `>=`",
    "≤": "write `<=`",
    "≠": "write `!=`",
    "~": "write `matches '…'`",
    "!~": "write `not matches '…'`",
    "**": "there are no powers: multiply, or compute the value in SQL",
    "^": "there are no powers: multiply, or compute the value in SQL",
    "::": "there are no casts: cast in SQL, or declare the column under `columns:`",
    ";": "an expression ends without a sign",
    "`": "names stand alone, text stands in 'single quotes'",
    "\u2019": "text stands in straight 'single quotes'",
    "\u2018": "text stands in straight 'single quotes'",
    "\u201c": "text stands in straight 'single quotes'",
    "\u201d": "text stands in straight 'single quotes'",
    "{": "an expression has no templates: name the column as it is",
    "{{": "an expression has no templates: name the column as it is",
    "$": "parameters are written `params.name`",
    ":": "parameters are written `params.name`",
    "[": "lists stand in parentheses: `x in ('a', 'b')`",
    "#": "comments belong outside the expression",
}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[^\W\d][\w$]*)
    |(?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<sign>>=|<=|<>|!=|==|&&|\|\||=>|=<|!~|\*\*|::|\{\{|.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; keywords are in small letters, strings without quotes."""

    kind: Literal["number", "name", "keyword", "string", "sign", "end"]
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, with one `end` token after the last. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        hint = "compute parts of it in SQL, or as computed columns"
        raise error(f"the expression is longer than {MAX_LENGTH} characters", 0, len(text), hint=hint, code=LIMIT)
    if "\0" in text:
        place = text.index("\0")
        raise error("text in PostgreSQL has no zero bytes", place, place + 1)
    found = [_token(match) for match in _TOKEN.finditer(text) if match.lastgroup != "space"]
    return [*found, Token("end", "", len(text), len(text))]


def _token(match: re.Match[str]) -> Token:
    start, end = match.span()
    text = match.group()
    match match.lastgroup:
        case "name":
            small = text.lower()
            return Token("keyword", small, start, end) if small in KEYWORDS else Token("name", text, start, end)
        case "string":
            quote = text[0]
            return Token("string", text[1:-1].replace(quote * 2, quote), start, end)
        case "number":
            return Token("number", text, start, end)
        case _:
            return _sign(text, start, end)


def _sign(text: str, start: int, end: int) -> Token:
    if text in OPERATORS:
        return Token("sign", text, start, end)
    if text in {"'", '"'}:
        raise error("the text that begins here has no end", start, end, hint=f"close it with {text}")
    shown = text if text.isprintable() else f"U+{ord(text[0]):04X}"
    raise error(f"`{shown}` has no meaning here", start, end, hint=_WRITTEN_OTHERWISE.get(text, ""))
