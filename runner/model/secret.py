"""A text that must never be printed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
# A shorter secret would mask half of every sentence; it is still never printed by its type.
_SHORTEST_TO_SEARCH_FOR = 4


class Secret:
    """Holds a text that shows as `***` everywhere; `reveal()` is called only where it is sent."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (MASK,)


def revealed(value: object) -> str:
    """The text of a secret, or of anything else; called only where it is sent."""
    return value.reveal() if isinstance(value, Secret) else str(value)


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """The text with every secret that stands in it replaced, the longest first."""
    for word in _written(tuple(secrets)):
        text = text.replace(word, MASK)
    return text


@lru_cache(maxsize=64)
def _written(secrets: tuple[Secret, ...]) -> tuple[str, ...]:
    """Every way in which the secrets can stand in a text: as they are, and as in a URL."""
    words = {secret.reveal() for secret in secrets}
    words |= {quote(word, safe="") for word in words}
    return tuple(sorted((word for word in words if len(word) >= _SHORTEST_TO_SEARCH_FOR), key=len, reverse=True))
