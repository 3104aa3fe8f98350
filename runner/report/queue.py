"""One sink's waiting deliveries: which is tried next, and the named reason for which each other one waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from enum import Enum

from runner.model.report import Waiting
from runner.records import dataclass
from runner.report.retry import LONGEST_WAIT

IN_A_ROW = 3
"""After so many deliveries that failed one after the other the sink itself is taken to be down."""


class Wait(Enum):
    """Why a delivery is not tried now."""

    NOT_YET = "its pause after a failure is not over"
    BEHIND = "an earlier report of the same group waits"
    BREAKER = "the sink failed three times in a row, and one delivery at a time tries whether it is back"


class Fate(Enum):
    """What became of a delivery that had its turn."""

    ARRIVED = "the sink took it"
    NOTHING_TO_TELL = "the sink was not called"
    FAILED = "it is tried again later"
    GIVEN_UP = "it is not tried again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Whose turn it is, in this order, while nothing has been tried yet; and why the others wait, by id."""

    now: tuple[Waiting, ...] = ()
    waits: Mapping[str, Wait] = field(default_factory=dict)


def turns(waiting: Iterable[Waiting], now: datetime) -> Turns:
    """The decision at the begin of a pass over one sink's deliveries, which are in the order of their recording."""
    begin = Pass(waiting, now)
    return Turns(now=begin.ready(), waits=begin.waits())


class Pass:
    """One pass over one sink's deliveries. It depends on them, the time and the fates that it is told alone.

    Groups are lines: only the first of a line can have its turn. When the first of three lines have failed before,
    the sink is taken to be down, and one of them probes it: the one that failed least, so that a report that nobody
    can deliver is not the only one that is tried. When the probe arrives all lines move, pauses or not.
    """

    def __init__(self, waiting: Iterable[Waiting], now: datetime) -> None:
        self._now = now
        self._lines: dict[str, deque[tuple[int, Waiting]]] = {}
        for position, item in enumerate(waiting):
            self._lines.setdefault(item.group, deque()).append((position, item))
        self._probing = sum(line[0][1].attempts > 0 for line in self._lines.values()) >= IN_A_ROW
        self._hurried = self._stopped = False
        self._row = 0
        self._failed: set[str] = set()

    def next(self) -> Waiting | None:
        """The delivery to try now; None when nothing more is to be tried in this pass."""
        heads = self._heads()
        return min(heads, key=self._place)[1] if heads else None

    def ready(self) -> tuple[Waiting, ...]:
        """Everything whose turn it is as things stand; a probe is alone."""
        ordered = tuple(item for _, item in sorted(self._heads(), key=self._place))
        return ordered[:1] if self._probing else ordered

    def tell(self, item: Waiting, fate: Fate) -> None:
        """What became of the delivery that had its turn: it must have been the first of its line."""
        if fate is Fate.FAILED:
            self._failed.add(item.group)
        else:
            self._leave(item.group)
        if fate is Fate.ARRIVED:
            self._hurried = self._hurried or self._probing
            self._probing, self._row = False, 0
        elif fate is not Fate.NOTHING_TO_TELL:
            self._row += 1
            self._stopped = self._probing or self._row >= IN_A_ROW

    def stop(self) -> None:
        """Nothing more is tried in this pass."""
        self._stopped = True

    def left(self) -> tuple[Waiting, ...]:
        """What still waits, in the order of the recording."""
        return tuple(item for _, item in sorted((entry for line in self._lines.values() for entry in line), key=_first))

    def waits(self) -> Mapping[str, Wait]:
        """Why each delivery that is not among `ready` waits."""
        ready = {item.id for item in self.ready()}
        found = {
            item.id: self._why(item, place) for line in self._lines.values() for place, (_, item) in enumerate(line)
        }
        return {name: wait for name, wait in found.items() if name not in ready}

    def _heads(self) -> list[tuple[int, Waiting]]:
        heads = [] if self._stopped else [line[0] for group, line in self._lines.items() if group not in self._failed]
        return [entry for entry in heads if self._hurried or self._is_due(entry[1])]

    def _is_due(self, item: Waiting) -> bool:
        if item.next_try is None or not item.attempts:
            return True
        # A longer pause than there is was begun by a clock that ran ahead.
        return item.next_try <= self._now or item.next_try - self._now > LONGEST_WAIT

    def _place(self, entry: tuple[int, Waiting]) -> tuple[int, int]:
        position, item = entry
        return (item.attempts if self._probing or self._hurried else 0, position)

    def _why(self, item: Waiting, place: int) -> Wait:
        if place:
            return Wait.BEHIND
        return Wait.BREAKER if self._is_due(item) and item.group not in self._failed else Wait.NOT_YET

    def _leave(self, group: str) -> None:
        line = self._lines[group]
        line.popleft()
        if not line:
            del self._lines[group]


def _first(entry: tuple[int, Waiting]) -> int:
    return entry[0]
