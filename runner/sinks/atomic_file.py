"""The sink `atomic_file`: one file that is always a whole report, the newest."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runner.api import Options, Report, RetryableSinkError, SinkContext, SinkError
from runner.sinks.places import make_folder, place_of
from runner.template import clean

DEFAULT_MODE = "0644"
_SECONDS_UNTIL_STALE = 3600.0
_USELESS = frozenset({errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP})


class AtomicFile:
    """Whoever reads the file finds the old report or the new one, never a part, whatever happens in between."""

    def __init__(self, path: str, mode: int, keep: int, render: Callable[[Report], str], context: SinkContext) -> None:
        self._path, self._mode, self._keep, self._render, self._context = path, mode, keep, render, context

    def emit(self, report: Report) -> None:
        """Replaces the file; raises SinkError when the path can never be one."""
        text = self._render(report).encode("utf-8", "replace")
        path = self._place(report.group)
        if self._context.dry_run:
            return
        try:
            make_folder(path.parent, self._context)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            _sweep(path)
            self._replace(path, text)
        except OSError as error:
            raise self._explained(error, path) from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _place(self, group: str) -> Path:
        # A group is the stem of a file; what a plugin made of it must not leave the folder.
        word = re.sub(r"[^\w.-]", "_", clean(group, limit=100)).lstrip(".") or "report"
        return place_of(self._path.replace("{group}", word), self._context)

    def _replace(self, path: Path, text: bytes) -> None:
        # In the same folder, because only there a rename is atomic; hidden and with another ending, because
        # collectors read every *.prom that they find.
        descriptor, made = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                os.fchmod(file.fileno(), self._mode)
                file.flush()
                os.fsync(file.fileno())
            self._rotate(path)
            os.replace(made, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(made)
            raise
        _sync(path.parent)

    def _rotate(self, path: Path) -> None:
        """`path.1` becomes the report that is replaced; `path` itself is there all the time."""
        if not self._keep or not path.exists():
            return
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(f"{path}.{number}", f"{path}.{number + 1}")
        with suppress(FileNotFoundError):
            os.unlink(f"{path}.1")
        os.link(path, f"{path}.1")

    def _explained(self, error: OSError, path: Path) -> SinkError:
        folder = shlex.quote(str(path.parent))
        message = f"{path} cannot be written: {error.strerror or error}"
        if error.errno in _USELESS:
            return SinkError(message, hint=f"change `path` of the sink `{self._context.name}` in runner.yaml")
        if isinstance(error, FileNotFoundError):
            message = f"the folder {path.parent} does not exist"
            hint = f"sudo install -d {folder} or change `path` of the sink `{self._context.name}` in runner.yaml"
        elif isinstance(error, PermissionError):
            hint = f"the folder must be writable too, since the file is replaced: ls -ld {folder}"
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = f"df -h {folder} shows how full the disk is"
        else:
            hint = f"look at ls -ld {folder}"
        return RetryableSinkError(message, hint=hint)


def open_atomic_file(options: Options, context: SinkContext) -> AtomicFile:
    """A relative path starts at the home; `{group}` in it is the report's group."""
    mode = int(str(options.get("mode", DEFAULT_MODE)), 8)
    keep = int(options.get("keep", 0))
    return AtomicFile(str(options["path"]), mode, keep, context.format(options["format"]), context)


def _sweep(path: Path) -> None:
    """Removes what a process that died before its rename has left."""
    for left in path.parent.glob(f".{_literal(path.name)}.*.tmp"):
        with suppress(OSError):
            found = left.lstat()
            if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > _SECONDS_UNTIL_STALE:
                left.unlink()


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _sync(folder: Path) -> None:
    """The rename itself survives a loss of power; a file system that cannot do that is no reason to fail."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
