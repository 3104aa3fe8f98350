"""Texts that came from elsewhere, such that they can stand in a message: short, on one line, without secrets."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from runner.model.secret import Secret, mask
from runner.template import clean, clip

_EXCERPT = 200


def masked(text: str, secrets: Iterable[Secret]) -> str:
    """The text without the secrets, also as base64 has them."""
    known = tuple(secrets)
    return mask(text, (*known, *(Secret(word) for secret in known for word in _encoded(secret))))


def excerpt(text: str | bytes, secrets: Iterable[Secret]) -> str:
    """The beginning of what a receiver said. Masked before and after it is cleaned: either could hide a secret."""
    known = tuple(secrets)
    readable = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    tidy = clean(masked(readable, known), limit=None)
    return clip(masked(" ".join(tidy.split()), known), _EXCERPT)


def _encoded(secret: Secret) -> Iterable[str]:
    text = secret.reveal().encode("utf-8", "replace")
    yield base64.b64encode(text).decode()
    yield text.decode("utf-8", "replace").replace("\\", "\\\\").replace('"', '\\"')
