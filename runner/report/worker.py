"""One sink's thread: it opens the sink, emits what it is handed one by one, and closes; it may hang for ever."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field

from runner import crashpoints
from runner.api import Sink
from runner.model.report import Report
from runner.plugins.guard import Ground
from runner.records import dataclass
from runner.report.retry import Failure, failure_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one report; or, with `ended`, that the thread has closed its sink.

    `changed` names what the sink changed in the process and should not have; it is as before.
    """

    sink: str
    failure: Failure | None = None
    ended: bool = False
    changed: tuple[str, ...] = ()


Inbox = queue.SimpleQueue[Answer]


@dataclass(slots=True, kw_only=True)
class Worker:
    """A daemon thread: one that hangs is left behind, is handed nothing more, and cannot keep the process alive."""

    name: str
    opener: Callable[[], Sink]
    inbox: Inbox
    _work: queue.SimpleQueue[Report | None] = field(default_factory=queue.SimpleQueue)
    _started: bool = False

    def emit(self, report: Report) -> None:
        """Hands over a report; its answer comes to the inbox. The sink is opened for the first."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True).start()
        self._work.put(report)

    def end(self) -> bool:
        """Asks the thread to close the sink; False when there never was one."""
        self._work.put(None)
        return self._started

    def _run(self) -> None:
        sink: Sink | None = None
        while (report := self._work.get()) is not None:
            failure: Failure | None = None
            ground = Ground()
            try:
                if sink is None:
                    sink = self.opener()
                crashpoints.reached("before-emit")
                sink.emit(report)
                crashpoints.reached("after-emit")
            except BaseException as error:
                # In a thread of its own even a foreign KeyboardInterrupt is a failure of the sink.
                failure = failure_of(error)
            self.inbox.put(Answer(self.name, failure, changed=ground.put_back()))
        if sink is not None:
            _close(sink)
        self.inbox.put(Answer(self.name, ended=True))


def _close(sink: Sink) -> None:
    """What was emitted has arrived; a sink that cannot close changes nothing about that."""
    with suppress(BaseException):
        sink.close()
