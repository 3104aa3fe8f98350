"""Files of the state folder that this user alone may have written, because what they hold is acted upon."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def read_private(path: Path) -> str:
    """Raises OSError, also for a link and when somebody else may write to the file."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="utf-8") as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise OSError("not ours alone")
        return file.read()


def write_private(path: Path, text: str) -> None:
    """Puts it in the place of what was there, in one step. Raises OSError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
