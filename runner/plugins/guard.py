"""What a plugin must leave as it found it, and how long it may take: whatever it changes is put back and named."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")

CALL_LIMIT = 30.0
"""Seconds for an import or a hook."""

_WATCHED = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1,
    signal.SIGUSR2,
)  # fmt: skip


class OverdueError(BaseException):
    """Raised in the midst of a plugin that takes too long; no `except Exception` of its own holds it up."""


class Ground:
    """The process as it was before a plugin was called. Handlers of signals are looked at in the main thread only."""

    def __init__(self) -> None:
        import locale

        self._folder = _folder()
        self._locale = locale.setlocale(locale.LC_ALL)
        self._handlers = {number: signal.getsignal(number) for number in _WATCHED} if _in_main_thread() else {}

    def put_back(self) -> tuple[str, ...]:
        """The names of what was changed, such as `the current folder`; it is as before now."""
        import locale

        changed = []
        if self._folder and _folder() != self._folder:
            changed.append("the current folder")
            with suppress(OSError):
                os.chdir(self._folder)
        if locale.setlocale(locale.LC_ALL) != self._locale:
            changed.append("the locale")
            with suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, self._locale)
        return (*changed, *(f"the handler of {number.name}" for number in self._handlers if self._restored(number)))

    def _restored(self, number: signal.Signals) -> bool:
        before: Any = self._handlers[number]
        if signal.getsignal(number) == before:
            return False
        if before is not None:
            signal.signal(number, before)
        return True


def within(seconds: float, work: Callable[[], T]) -> T:
    """What the work returns or raises; an OverdueError when it takes longer.

    In the main thread it is ended in its midst. Elsewhere it is done by a thread of its own, which is left behind.
    """
    if _in_main_thread() and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
        with _alarm(seconds):
            return work()
    errand = _Errand(work)
    threading.Thread(target=errand.run, name="plugin", daemon=True).start()
    if not errand.done.wait(seconds):
        raise _overdue(seconds)
    if errand.error is not None:
        raise errand.error
    return errand.found[0]


class _Errand(Generic[T]):
    """Work that is done in a thread of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.found: list[T] = []
        self.error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self.found.append(self._work())
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: object) -> None:
        raise _overdue(seconds)

    signal.signal(signal.SIGALRM, ring)
    try:
        # Again each second: a bare `except:` may hold up the first.
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _overdue(seconds: float) -> OverdueError:
    return OverdueError(f"it took longer than {seconds:g} s")


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
