"""What a receiver answered, and which answers are worth another try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from runner.records import dataclass

WORTH_RETRYING: Final = frozenset({408, 425, 429, *range(500, 600)})
"""Request Timeout, Too Early, Too Many Requests, and everything that is the server's own trouble (RFC 9110 §15, RFC 6585)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer of 200 to 299. `headers` have lower-case names; of the body at most 64 KiB are kept, what came in time."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
