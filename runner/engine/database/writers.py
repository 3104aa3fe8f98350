"""The writable connections of one tick, so that all can be cancelled and closed."""

from __future__ import annotations

import threading

from runner.api import Job, Session, Target
from runner.engine.database.writer import Writer


class Writers:
    """Opens connections for jobs that change data; `stop()` cancels what is running in any of them."""

    def __init__(self) -> None:
        self._open: list[Writer] = []
        self._lock = threading.Lock()
        self.stopped = False

    def open(self, target: Target, database: str, job: Job) -> Session:
        """The engine closes it when the tick ends."""
        writer = Writer(target, database, purpose=f"runner/{job.name}", lock_timeout=job.lock_timeout)
        with self._lock:
            self._open.append(writer)
        return writer

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            writers = list(self._open)
        for writer in writers:
            writer.stop()

    def close(self) -> None:
        with self._lock:
            writers, self._open = self._open, []
        for writer in writers:
            writer.close()
