"""How full the file systems of this host are."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence

from runner.api import Answer, Options, Query, Row, RunContext, ServerFacts

DEFAULT_PATHS = ("/",)
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each path, and one for the data directory of a server on this host.

    What cannot be looked at has nulls and says why in `error`.
    """
    yield from ()
    paths = [str(path) for path in options.get("paths", DEFAULT_PATHS)]
    rows = [_row(path) for path in paths]
    directory = _data_directory(context)
    if directory and not _is_covered(directory, paths):
        rows.append(_row(directory))
    return rows


def _row(path: str) -> Row:
    try:
        found = os.statvfs(path)
    except OSError as error:
        nothing = dict.fromkeys(("size", "free", "used", "inodes_used"))
        return {"path": path, **nothing, "error": f"{path}: {error.strerror or error}"}
    taken = found.f_blocks - found.f_bfree
    # As df does: what is reserved for root counts neither as used nor as free.
    usable = taken + found.f_bavail
    return {
        "path": path,
        "size": found.f_blocks * found.f_frsize,
        "free": found.f_bavail * found.f_frsize,
        "used": taken / usable if usable else None,
        "inodes_used": (found.f_files - found.f_ffree) / found.f_files if found.f_files else None,
        "error": None,
    }


def _data_directory(context: RunContext) -> str:
    """The data directory if the server runs on this host, so far as its address tells."""
    if context.target is None or not isinstance(context.server, ServerFacts):
        return ""
    host = str(context.target.options.get("host") or context.target.options.get("hostaddr") or "")
    return context.server.settings.get("data_directory", "") if host in _LOCAL or host.startswith("/") else ""


def _is_covered(directory: str, paths: Sequence[str]) -> bool:
    """Whether it lies on a file system that is looked at already, or on none that can be seen from here."""
    device = _device(directory)
    return device is None or any(_device(path) == device for path in paths)


def _device(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None
