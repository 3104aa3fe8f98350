"""The run that healthchecks.io measures: from the beginning of a tick to its report."""

from __future__ import annotations

import uuid
from contextlib import suppress

from runner.api import Secret, SinkError, Tick, http_send

_SECONDS = 2.0
_SPACE = uuid.UUID("5f1c6f0e-8d0c-4a53-9a66-0a3f0b8f9a51")


class _Current:
    """The id of the run that has begun in this process; without a start a ping has none."""

    rid: str = ""


CURRENT = _Current()


def begin(url: str, tick: Tick) -> None:
    """Says that a run begins. Whatever becomes of it, the tick goes on."""
    CURRENT.rid = str(uuid.uuid5(_SPACE, tick.id))
    with suppress(SinkError):
        http_send(Secret(address(url, "start")), timeout=_SECONDS)


def address(url: str, signal: str) -> str:
    """https://healthchecks.io/docs/http_api: `/start` and `/fail` end the path; `rid` says which run is meant."""
    base, _, query = url.partition("?")
    path = f"{base.rstrip('/')}/{signal}" if signal else base.rstrip("/")
    words = [word for word in (query, f"rid={CURRENT.rid}" if CURRENT.rid else "") if word]
    return f"{path}?{'&'.join(words)}" if words else path
