"""How many servers and databases are looked at side by side, and who waits for a silent server without holding up others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Task = TypeVar("Task")
Found = TypeVar("Found")

PATIENCE = 0.5
"""Seconds after which a thread that waits for a connection leaves its place to others."""
MOST_WAITING = 100
"""Threads that may wait so at once: each has a socket."""


class Places:
    """`count` of them; used by many threads."""

    def __init__(self, count: int) -> None:
        self._count, self._taken = max(1, count), 0
        self._waiting: dict[object, float] = {}
        self._changed = threading.Condition()
        self._open = False

    def take(self, timeout: float | None = None) -> bool:
        """Waits for a free place; False when there was none in time (seconds)."""
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._has_room():
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(min((wait for wait in (left, self._until_lent()) if wait is not None), default=None))
            self._taken += 1
            return True

    def give(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify()

    def open(self) -> None:
        """From now on nobody has to wait: all is being stopped."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done inside may wait for a server: who has a place lends it meanwhile, if that takes long."""
        token = object()
        with self._changed:
            self._waiting[token] = time.monotonic()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                lent = self._is_lent(self._waiting.pop(token))
                if lent:
                    self._taken -= 1
            if lent:
                self.take()

    def _has_room(self) -> bool:
        lent = sum(map(self._is_lent, self._waiting.values()))
        return self._open or self._taken - min(lent, MOST_WAITING) < self._count

    def _is_lent(self, since: float) -> bool:
        return time.monotonic() - since >= PATIENCE

    def _until_lent(self) -> float | None:
        """Seconds until the next place may be lent."""
        now = time.monotonic()
        return min((since + PATIENCE - now for since in self._waiting.values() if since + PATIENCE > now), default=None)


def share_out(
    tasks: Sequence[Task], work: Callable[[Task], Found], places: Places, most: int, name: str
) -> list[Found]:
    """What `work` makes of each task, in their order: this thread does them, with one more for every free place.

    The caller has a place; at most `most` threads work.
    """
    found: dict[int, Found] = {}
    left = list(reversed(list(enumerate(tasks))))
    lock = threading.Lock()
    helpers: list[Future[None]] = []

    def work_on() -> None:
        while True:
            with lock:
                if not left:
                    return
                index, task = left.pop()
                if left and len(helpers) + 1 < most and places.take(0):
                    helpers.append(pool.submit(help_out))
            found[index] = work(task)

    def help_out() -> None:
        try:
            work_on()
        finally:
            places.give()

    with ThreadPoolExecutor(max(1, most - 1), thread_name_prefix=name) as pool:
        work_on()
    for helper in helpers:
        helper.result()
    return [found[index] for index in range(len(tasks))]
