"""Advice about silences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from runner.compile.lint.places import advice
from runner.model.diagnostic import Diagnostic
from runner.model.home import Silence


def expired(silences: Iterable[Silence], now: datetime) -> Iterator[Diagnostic]:
    """Silences whose end is over: they do nothing any more."""
    for silence in silences:
        if silence.until is not None and silence.until <= now:
            message = f"this silence ended on {silence.until:%Y-%m-%d %H:%M}"
            yield advice("expired-silence", silence.span, message, "remove it, or give it a later `until:`")
