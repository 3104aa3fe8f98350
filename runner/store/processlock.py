"""A lock that a process holds as long as it lives, so that others can tell a slow tick from a dead one."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from runner.errors import StoreError

FOLDER = "ticks"


class ProcessLock:
    """Held from construction until `close` or the end of the process, also by kill -9.

    The kernel lets go of it; no process id is compared, so a reused one cannot deceive. Programs that the
    process starts do not inherit it.
    """

    def __init__(self, state_dir: Path, name: str) -> None:
        self._path = _path(state_dir, name)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor: int | None = _locked(self._path)
        except OSError as error:
            raise StoreError(
                f"the lock {self._path} cannot be made: {error.strerror or error}",
                hint=f"the user that runs runner must be able to write to {state_dir}",
            ) from error

    def close(self) -> None:
        """Removes the file and lets go; idempotent."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_held(state_dir: Path, name: str) -> bool:
    """Whether some process, this one included, holds the lock; the file of a dead one is removed."""
    return _held(_path(state_dir, name))


def remove_dead(state_dir: Path) -> int:
    """Removes the files of all dead processes and returns their number."""
    files = sorted((state_dir / FOLDER).glob("*.lock"))
    return sum(not _held(file) for file in files)


def _path(state_dir: Path, name: str) -> Path:
    return state_dir / FOLDER / f"{quote(name, safe='')}.lock"


def _locked(path: Path) -> int:
    """Opens and locks the file, again when somebody took the unlocked file for a dead one's and removed it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two processes that ask at once do not take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
