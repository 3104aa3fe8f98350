"""Whether the WAL files of an archive are complete: no gap, no odd size, and fresh."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from runner.api import Answer, Options, Query, Row, RunContext, RunnerError

# Compressed files end in .gz and the like; pgBackRest adds a dash and a checksum. Files that are partial, and the
# labels of backups, have an ending of their own and are no whole segments.
_SEGMENT = re.compile(
    r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:-[0-9a-f]{40})?(\.(?!partial|backup|[0-9A-F]{8}\.).*)?"
)
_NOTHING = dict.fromkeys(("segments", "missing", "first_missing", "odd_sizes", "odd_size", "last", "newest_age"))
MB = 1024 * 1024


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each timeline in the archive at `path`, with all folders below it.

    `missing` counts the files between the first and the last that are not there. An archive without WAL is one row with
    0 segments; one that cannot be read has nulls and says why in `error`. Raises RunnerError without `path`.
    """
    yield from ()
    path = str(options.get("path", ""))
    if not path:
        raise RunnerError(
            "the probe wal_archive does not know where the archive is", hint="with: {path: /var/lib/archive}"
        )
    segment = int(options.get("segment_megabytes", 16)) * MB
    try:
        found = _segments(path, 4096 * MB // segment)
        rows = [_row(path, timeline, files, segment, context.now) for timeline, files in sorted(found.items())]
    except OSError as error:
        return [{"path": path, "timeline": "", **_NOTHING, "error": f"{error.filename}: {error.strerror or error}"}]
    return rows or [
        {"path": path, "timeline": "", **_NOTHING, "segments": 0, "missing": 0, "odd_sizes": 0, "error": None}
    ]


def _segments(path: str, per_id: int) -> Mapping[str, Mapping[int, os.DirEntry[str]]]:
    """The files by timeline and by number."""
    found: dict[str, dict[int, os.DirEntry[str]]] = defaultdict(dict)
    for entry in _walk(path):
        if match := _SEGMENT.fullmatch(entry.name):
            found[match[1]][int(match[2], 16) * per_id + int(match[3], 16)] = entry
    return found


def _walk(path: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry


def _row(path: str, timeline: str, files: Mapping[int, os.DirEntry[str]], segment: int, now: datetime) -> Row:
    numbers = sorted(files)
    gap = next((low + 1 for low, high in pairwise(numbers) if high != low + 1), None)
    # Compressed files have any size; one that is not compressed has that of a segment.
    odd = sorted(entry.name for entry in files.values() if len(entry.name) == 24 and entry.stat().st_size != segment)
    return {
        "path": path,
        "timeline": timeline,
        "segments": len(numbers),
        "missing": numbers[-1] - numbers[0] + 1 - len(numbers),
        "first_missing": None if gap is None else _name(timeline, gap, 4096 * MB // segment),
        "odd_sizes": len(odd),
        "odd_size": odd[0] if odd else None,
        "last": _name(timeline, numbers[-1], 4096 * MB // segment),
        "newest_age": max(now.timestamp() - max(entry.stat().st_mtime for entry in files.values()), 0.0),
        "error": None,
    }


def _name(timeline: str, number: int, per_id: int) -> str:
    return f"{timeline}{number // per_id:08X}{number % per_id:08X}"
