"""The nearest known word to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """A question with the nearest known word, or nothing when none is near."""
    from difflib import get_close_matches

    by_lower = {item.lower(): item for item in known}
    near = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"did you mean `{by_lower[near[0]]}`?" if near else ""
