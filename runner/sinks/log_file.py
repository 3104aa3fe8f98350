"""The sink `log_file`: appends whole records to a file that others may append to and rotate."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import shlex
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.api import Options, Report, RetryableSinkError, SinkContext
from runner.sinks.places import make_folder, place_of

DEFAULT_MODE = "0640"
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY


class LogFile:
    """The file is opened for each record, so that logrotate works without a signal."""

    def __init__(self, path: Path, mode: int, render: Callable[[Report], str], context: SinkContext) -> None:
        self._path, self._mode, self._render, self._context = path, mode, render, context

    def emit(self, report: Report) -> None:
        """Appends one record, all of it or nothing; raises RetryableSinkError."""
        text = self._render(report)
        record = (text + "\n" if text.count("\n") > 1 else text).encode("utf-8", "replace")
        if self._context.dry_run:
            return
        try:
            make_folder(self._path.parent, self._context)
            with _locked(self._path, self._mode, self._context.timeout) as descriptor:
                _append(descriptor, record)
        except OSError as error:
            raise self._explained(error) from error

    def check(self) -> None:
        """For the doctor: raises what `emit` would raise, and writes nothing."""
        try:
            make_folder(self._path.parent, self._context)
            if self._path.exists():
                os.close(os.open(self._path, _APPEND | os.O_NONBLOCK))
            elif not self._path.parent.exists():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            elif not os.access(self._path.parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _explained(self, error: OSError) -> RetryableSinkError:
        other = f"or change `path` of the sink `{self._context.name}` in runner.yaml"
        folder, path = shlex.quote(str(self._path.parent)), shlex.quote(str(self._path))
        user = _user()
        message = f"{self._path} cannot be written: {error.strerror or error}"
        if isinstance(error, FileNotFoundError):
            message = f"the folder {self._path.parent} does not exist"
            hint = f"sudo install -d -o {user} {folder} {other}"
        elif isinstance(error, PermissionError) and self._path.exists():
            hint = f"sudo chown {user} {path} {other}"
        elif isinstance(error, PermissionError):
            hint = f"sudo install -o {user} -m {self._mode:04o} /dev/null {path} {other}"
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = f"df -h {folder} shows how full the disk is"
        else:
            hint = f"look at ls -ld {path}, {other}"
        return RetryableSinkError(message, hint=hint)


def open_log_file(options: Options, context: SinkContext) -> LogFile:
    """A relative path starts at the home; `~` is the user's own folder."""
    mode = int(str(options.get("mode", DEFAULT_MODE)), 8)
    return LogFile(place_of(options["path"], context), mode, context.format(options["format"]), context)


@contextmanager
def _locked(path: Path, mode: int, timeout: float) -> Iterator[int]:
    """The file that has the name now, open for appending and locked; closing it ends the lock."""
    deadline = time.monotonic() + timeout
    while True:
        descriptor = _open(path, mode)
        try:
            _lock(descriptor, path, deadline)
            if _has_name(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _open(path: Path, mode: int) -> int:
    try:
        descriptor = os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return os.open(path, _APPEND | os.O_CREAT, mode)
    # The file is ours and new: its mode is what the operator wrote, whatever the umask of cron.
    os.fchmod(descriptor, mode)
    return descriptor


def _lock(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise RetryableSinkError(
                    f"another process keeps {path} locked", hint=f"fuser {shlex.quote(str(path))} names it"
                ) from None
            time.sleep(0.01)
        else:
            return


def _has_name(descriptor: int, path: Path) -> bool:
    """False when the file was rotated away between opening and locking."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino)


def _append(descriptor: int, record: bytes) -> None:
    """Writes the whole record, or cuts off what was written of it."""
    before = os.fstat(descriptor)
    rest = memoryview(record)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        if stat.S_ISREG(before.st_mode) and len(rest) < len(record):
            os.ftruncate(descriptor, before.st_size)
        raise


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
