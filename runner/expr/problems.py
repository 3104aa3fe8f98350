"""The codes of expression errors, and suggestions for words that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from runner.errors import ExpressionError
from runner.model.suggest import did_you_mean

SYNTAX: Final = "expression-syntax"
UNIT: Final = "expression-unit"
COLUMN: Final = "expression-column"
PARAM: Final = "expression-param"
FUNCTION: Final = "expression-function"
ARGUMENTS: Final = "expression-arguments"
TYPE: Final = "expression-type"
LIMIT: Final = "expression-limit"

CODES: Final[dict[str, str]] = {
    SYNTAX: "The text does not follow the grammar of expressions.",
    UNIT: "A unit is not known, or values of different units meet.",
    COLUMN: "A name is no column of the result.",
    PARAM: "A name is no parameter of the job.",
    FUNCTION: "A name is no function.",
    ARGUMENTS: "A function has too few, too many or unsuitable arguments.",
    TYPE: "A value stands where a condition is wanted, or the other way round.",
    LIMIT: "The expression is too long, too deep or has too large a number.",
}


def error(message: str, start: int, end: int, *, hint: str = "", code: str = SYNTAX) -> ExpressionError:
    """An ExpressionError about at least one character."""
    return ExpressionError(message, start=start, end=max(end, start + 1), hint=hint, code=code)


def suggest(word: str, known: Iterable[str], kinds: str) -> str:
    """A hint: the closest word, or all that there are when they are few."""
    names = sorted(known)
    if hint := did_you_mean(word, names):
        return hint
    if not names:
        return f"there are no {kinds}"
    listed = ", ".join(f"`{name}`" for name in names[:12])
    return f"the {kinds} are {listed}{', …' if len(names) > 12 else ''}"
