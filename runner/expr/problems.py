"""The codes of expression errors, and suggestions for words that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from runner.errors import ExpressionError

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


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant: the same in another case, or the most similar."""
    names = sorted(known)
    folded = word.casefold()
    for name in names:
        if name.casefold() == folded:
            return name
    by_fold = {name.casefold(): name for name in reversed(names)}
    found = difflib.get_close_matches(folded[:100], by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], kinds: str) -> str:
    """A hint: the closest word, or all that there are when they are few."""
    names = sorted(known)
    found = closest(word, names)
    if found:
        return f"did you mean `{found}`?"
    if not names:
        return f"there are no {kinds}"
    listed = ", ".join(f"`{name}`" for name in names[:12])
    return f"the {kinds} are {listed}{', …' if len(names) > 12 else ''}"
