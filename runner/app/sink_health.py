"""How the sinks are: what waits for each, why it waits, and what the last failure said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from runner.model.history import Backlog
from runner.model.report import Waiting
from runner.records import dataclass
from runner.report.queue import Wait, turns
from runner.store.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One sink's deliveries: `due` are tried by the next tick, the others wait for a named reason."""

    waiting: int = 0
    due: int = 0
    waits: Mapping[Wait, int] = field(default_factory=dict)
    next_try: datetime | None = None
    oldest: datetime | None = None
    given_up: int = 0
    """Of the newest day."""
    error: str = ""
    """What the last failure said of a delivery that still waits."""

    @property
    def is_down(self) -> bool:
        """Whether one delivery at a time tries if the sink is back."""
        return Wait.BREAKER in self.waits


def health(store: Store, sinks: Iterable[str], now: datetime) -> Mapping[str, Health]:
    """The health of each of the sinks. Raises StoreError."""
    pending: dict[str, list[Waiting]] = {name: [] for name in sinks}
    for item in store.pending():
        pending.setdefault(item.sink, []).append(item)
    backlog = {item.sink: item for item in store.backlog()}
    return {name: _health(items, backlog.get(name), now) for name, items in pending.items()}


def _health(items: list[Waiting], backlog: Backlog | None, now: datetime) -> Health:
    turn = turns(items, now)
    counted = Counter(turn.waits.values())
    tried = [item for item in items if item.attempts]
    return Health(
        waiting=len(items),
        due=len(turn.now),
        waits={wait: counted[wait] for wait in Wait if counted[wait]},
        next_try=min((item.next_try for item in tried if item.next_try), default=None),
        oldest=backlog.oldest if backlog else None,
        given_up=backlog.given_up if backlog else 0,
        error=next((item.error for item in reversed(tried) if item.error), ""),
    )
