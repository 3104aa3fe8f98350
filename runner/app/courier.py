"""Delivers reports while other runs still go on: an alert must not wait for a long vacuum."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from runner.report.settle import Delivered

Send = Callable[[], Sequence[Delivered]]


class Courier:
    """One thread that sends whatever waits each time it is woken; `finish` sends once more and returns all."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._sent: list[Delivered] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="runner-courier")
        self._thread.start()

    def wake(self) -> None:
        """A report was recorded."""
        self._calls.put(True)

    def finish(self) -> list[Delivered]:
        """Waits for the thread; what a plugin broke in it is raised here."""
        self._calls.put(False)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._sent

    def _work(self) -> None:
        try:
            more = True
            while more:
                more = self._calls.get()
                while more and not self._calls.empty():
                    more = self._calls.get()
                self._sent.extend(self._send())
        except BaseException as error:
            self._failure = error
