"""Works through one queue with several connections, while the connection of the caller watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from runner.api import Answer, Session
from runner.kinds.maintenance.choose import Chosen
from runner.kinds.maintenance.indexes import ChosenIndex
from runner.kinds.maintenance.work import QUERY_CANCELED, Fate, is_lost
from runner.records import dataclass

Item: TypeAlias = Chosen | ChosenIndex
_GLANCE: Final = 0.2
_MOMENT: Final = 0.01
_CANCEL_AGAIN: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A table that was worked on, or was not and why. `fate` is set when that is known without the answer."""

    item: Item
    answer: Answer | None = None
    fate: Fate | None = None
    why: str = ""
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Hand:
    """One connection and what it is doing; `cancelled` says why its statement was cancelled."""

    session: Session
    pid: int
    item: Item | None = None
    since: float = 0.0
    asked: float = 0.0
    cancelled: tuple[Fate, str] | None = None


class Orders(Protocol):
    """What the caller decides about the work while it goes on."""

    def look(self, crew: Crew) -> None:
        """Called again and again by the watching thread; may pause, cancel, or note what has ended."""

    def is_busy(self) -> bool:
        """Whether `look` has more to do at once."""

    def is_ready(self, item: Item) -> bool:
        """Whether enough is known of the item to start it."""

    def may_start(self, item: Item) -> tuple[Fate, str] | None:
        """Called before each start, from the connections' threads: why the item is not started now."""

    def halted(self) -> str:
        """Why nothing more is started at all; empty while work goes on."""

    def starting(self, item: Item) -> None:
        """Called right before the statement is sent, from the connection's thread."""


class Crew:
    """The connections and their one queue. `ended` fills while `run` works."""

    def __init__(self, hands: Sequence[Hand], statement: Callable[[Item], str], orders: Orders) -> None:
        self.hands = tuple(hands)
        self.paused = False
        self._statement = statement
        self._orders = orders
        self._queue: list[Item] = []
        self._ended: list[Ended] = []
        self._changed = threading.Condition()
        self._working = 0
        self._failure: BaseException | None = None

    def run(self, items: Sequence[Item]) -> None:
        """Returns when every item has ended, or nothing more may start; `taken` gives what became of each."""
        self._queue = list(items)
        alive = [hand for hand in self.hands if hand.pid][: max(1, len(items))]
        self._working = len(alive)
        threads = [
            threading.Thread(target=self._work, args=(hand,), name=f"runner-maintenance-{hand.pid}") for hand in alive
        ]
        try:
            for thread in threads:
                thread.start()
            while self._wait():
                self._orders.look(self)
        except BaseException:
            self._give_up()
            raise
        finally:
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure
        self._leave_the_rest()

    def taken(self) -> list[Ended]:
        """What has ended since this was asked last, in that order."""
        with self._changed:
            ended, self._ended = self._ended, []
        return ended

    def running(self) -> list[Hand]:
        """The connections that have something to do now."""
        with self._changed:
            return [hand for hand in self.hands if hand.item is not None]

    def cancel(self, hand: Hand, fate: Fate, why: str) -> None:
        """Ends the statement of a connection on the server; the lock keeps the next one from being hit."""
        with self._changed:
            now = time.monotonic()
            if hand.item is None or now < hand.asked + _CANCEL_AGAIN:
                return
            hand.asked = now
            hand.cancelled = hand.cancelled or (fate, why)
            hand.session.cancel()

    def cancel_all(self, why: str) -> None:
        for hand in self.running():
            self.cancel(hand, Fate.CANCELLED, why)

    # ---- the watching thread

    def _wait(self) -> bool:
        with self._changed:
            glance = 0.0 if self._orders.is_busy() else _GLANCE
            self._changed.wait_for(lambda: self._working == 0, timeout=glance)
            return self._working > 0

    def _give_up(self) -> None:
        """Nothing is left running, whatever ended the watch."""
        with self._changed:
            self._queue.clear()
        while self._wait():
            self.cancel_all("the run was given up")

    def _leave_the_rest(self) -> None:
        why = self._orders.halted() or "no connection to the server is left"
        with self._changed:
            self._ended += [Ended(item=item, fate=Fate.LEFT, why=why) for item in self._queue]
            self._queue.clear()

    # ---- the connections' threads

    def _work(self, hand: Hand) -> None:
        try:
            while (item := self._next(hand)) is not None:
                self._orders.starting(item)
                answer = hand.session.execute(self._statement(item))
                self._hand_in(hand, item, answer)
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                hand.item = None
                self._working -= 1
                self._changed.notify_all()

    def _next(self, hand: Hand) -> Item | None:
        """The next item that may start; waits while the work is paused or a parent has to wait for its partitions."""
        with self._changed:
            while self._queue and hand.pid and not self._orders.halted():
                if not self._orders.is_ready(self._queue[0]):
                    self._changed.wait(_MOMENT)
                    continue
                if self.paused or not self._fits(self._queue[0]):
                    self._changed.wait(_GLANCE)
                    continue
                item = self._queue.pop(0)
                refused = self._orders.may_start(item)
                if refused is None:
                    hand.item, hand.since, hand.asked, hand.cancelled = item, time.monotonic(), 0.0, None
                    return item
                self._ended.append(Ended(item=item, fate=refused[0], why=refused[1]))
        return None

    def _fits(self, item: Item) -> bool:
        """ANALYZE of a partitioned table may lock its partitions, so it is done when nothing else is."""
        busy = [hand.item for hand in self.hands if hand.item is not None]
        return not busy or not (item.table.is_parent or any(other.table.is_parent for other in busy))

    def _hand_in(self, hand: Hand, item: Item, answer: Answer) -> None:
        with self._changed:
            fate, why = None, ""
            if hand.cancelled and getattr(answer, "sqlstate", "") == QUERY_CANCELED:
                fate, why = hand.cancelled
            seconds = time.monotonic() - hand.since
            self._ended.append(Ended(item=item, answer=answer, fate=fate, why=why, seconds=seconds))
            hand.item = None
            if is_lost(answer):
                hand.pid = 0
