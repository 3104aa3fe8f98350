"""`run-due --loop`: starts a tick a minute as cron would, in containers and wherever there is no cron."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field

from runner.clock import Clock
from runner.records import dataclass

ENDING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""The signals that end a loop."""


@dataclass(slots=True, kw_only=True)
class Loop:
    """Each tick is a process of its own, so a long vacuum holds up nothing and a crash costs one tick.

    `start` returns the pid of a new tick; `quiet` says that one would have nothing to do. `sleep` is interrupted by whatever the signal handlers raise.
    """

    start: Callable[[], int]
    every: float
    clock: Clock
    sleep: Callable[[float], object]
    quiet: Callable[[], bool]
    tell: Callable[[str], None]
    ticks: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Until an exception (a signal) ends it: then no tick is started any more, and those that run are ended."""
        try:
            while True:
                if not self.quiet():
                    self._start()
                self.sleep(self._until_next())
                self._reap(os.WNOHANG)
        finally:
            self._end()

    def _start(self) -> None:
        # In the midst of a fork Python loses what a signal raises, and a tick that is not noted is not waited for.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            self.ticks.add(self.start())
        except OSError as error:
            # No memory or too many processes: the next minute may be better.
            self.tell(f"a tick cannot be started: {error.strerror or error}")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _until_next(self) -> float:
        """Cron's rhythm: on the full minute, also after the clock was set."""
        return self.every - self.clock.now().timestamp() % self.every

    def _end(self) -> None:
        for tick in self.ticks:
            with suppress(ProcessLookupError):
                os.kill(tick, signal.SIGTERM)
        while self.ticks:
            self._reap(0)

    def _reap(self, how: int) -> None:
        """Takes note of processes that ended: the ticks, and as a container's first process also what they left."""
        while True:
            try:
                ended, _ = os.waitpid(-1, how)
            except ChildProcessError:
                self.ticks.clear()
                return
            self.ticks.discard(ended)
            if not ended or not self.ticks:
                return
