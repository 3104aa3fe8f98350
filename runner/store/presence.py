"""Who has a store's file open: many at once, or one alone that replaces it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from runner.errors import StoreError

_PAUSE: Final = 0.05


def be_present(path: Path, seconds: float) -> int:
    """A descriptor that says, until it is closed or this process ends, that the file at `path` is in use.

    Raises StoreError when somebody replaces the file and is not done after so many seconds.
    """
    descriptor = _opened(path)
    if _locked(descriptor, fcntl.LOCK_SH, seconds):
        return descriptor
    os.close(descriptor)
    raise StoreError(
        f"the store {path} is being repaired by another process", hint="wait until `runner doctor --repair` is done"
    )


@contextmanager
def alone(path: Path, seconds: float) -> Iterator[None]:
    """Nobody else has the file open, and whoever wants to waits. Raises StoreError when it stays in use so long."""
    descriptor = _opened(path)
    try:
        if not _locked(descriptor, fcntl.LOCK_EX, seconds):
            raise StoreError(
                f"the store {path} is in use: another runner works with it",
                hint="nothing was changed; repeat it when the running tick has ended (pgrep -af 'runner.*run-due')",
            )
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    """The file beside the store: SQLite's own locks would be lost when a descriptor of the store is closed."""
    return os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int, kind: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)
        else:
            return True
