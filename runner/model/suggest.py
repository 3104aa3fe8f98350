"""What a misspelled word most likely stands for: one rule for YAML, thresholds, schedules and the command line."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 100
"""Characters of a word that are compared: the comparison's cost grows with their square."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that was probably meant, the same in other letters first; empty when none is near."""
    folded = {_fold(name): name for name in reversed(list(choices))}
    wanted = _fold(word)
    if wanted in folded:
        return folded[wanted]
    # Only a mistake needs it, and its import is a good part of a small command.
    from difflib import get_close_matches

    close = get_close_matches(wanted[:_LONGEST], folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``did you mean `x`?`` for the nearest choice, else empty."""
    near = nearest(word, choices)
    return f"did you mean `{near}`?" if near else ""


def _fold(word: str) -> str:
    return word.casefold().replace("-", "_")
