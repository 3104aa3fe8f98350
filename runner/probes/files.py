"""Whether files that somebody else writes, such as backups, are there, fresh and of their usual size."""

from __future__ import annotations

import glob
import os
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime

from runner.api import Answer, Options, Query, Row, RunContext, RunnerError

_NOTHING = dict.fromkeys(("files", "total", "newest", "newest_age", "newest_size", "previous_size"))


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each pattern of `paths`; a folder that matches counts as one file of all that is in it.

    What cannot be looked at has nulls and says why in `error`. Raises RunnerError without `paths`.
    """
    yield from ()
    patterns = [str(pattern) for pattern in options.get("paths", ())]
    if not patterns:
        raise RunnerError(
            "the probe files has nothing to look for", hint="with: {paths: [/var/backups/postgresql/*.dump]}"
        )
    return [_row(pattern, context.now) for pattern in patterns]


def _row(pattern: str, now: datetime) -> Row:
    try:
        # glob is silent about folders that it may not read.
        with os.scandir(_fixed_part(pattern)):
            pass
        found = sorted((os.stat(path).st_mtime, path) for path in glob.glob(pattern))
        sizes = [_size(path) for _, path in found]
    except OSError as error:
        reason = f"{error.filename or pattern}: {error.strerror or error}"
        return {"pattern": pattern, **_NOTHING, "error": reason}
    newest = found[-1] if found else None
    return {
        "pattern": pattern,
        "files": len(found),
        "total": sum(sizes),
        "newest": os.path.basename(newest[1]) if newest else None,
        "newest_age": max(now.timestamp() - newest[0], 0.0) if newest else None,
        "newest_size": sizes[-1] if sizes else None,
        "previous_size": sizes[-2] if len(sizes) > 1 else None,
        "error": None,
    }


def _fixed_part(pattern: str) -> str:
    """The folder above the first wildcard."""
    folder = os.path.dirname(pattern) or "."
    while glob.has_magic(folder):
        folder = os.path.dirname(folder) or "."
    return folder


def _size(path: str) -> int:
    if not os.path.isdir(path):
        return os.stat(path).st_size
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(path, onerror=_raise)
        for name in names
    )


def _raise(error: OSError) -> None:
    raise error
