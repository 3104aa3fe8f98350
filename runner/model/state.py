"""The states of findings, results and reports, and their one order."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class State(Enum):
    """What is known about something that was looked at."""

    OK = "ok"
    LEARNING = "learning"
    WARNING = "warning"
    UNKNOWN = "unknown"
    CRITICAL = "critical"
    SKIPPED = "skipped"

    @property
    def rank(self) -> int:
        """The place in the roll-up, the worst highest; skipped does not count."""
        return _RANK[self]

    @property
    def is_problem(self) -> bool:
        """Whether somebody has to look: warning, unknown or critical."""
        return self in PROBLEMS


PROBLEMS = frozenset({State.WARNING, State.UNKNOWN, State.CRITICAL})
_RANK = {
    State.SKIPPED: -1,
    State.OK: 0,
    State.LEARNING: 1,
    State.WARNING: 2,
    State.UNKNOWN: 3,
    State.CRITICAL: 4,
}


def worst(states: Iterable[State]) -> State:
    """The worst of the states; ok when there is none, skipped only when all are skipped."""
    seen = set(states)
    return max(seen, key=lambda state: state.rank) if seen else State.OK
