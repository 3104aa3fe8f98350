"""How full the file systems of this host are."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

from runner.api import Answer, Options, Query, Row, RunContext

MOUNTS = Path("/proc/self/mounts")
# Images that are always full by design.
_OCTAL = re.compile(r"\\([0-7]{3})")
_READ_ONLY_TYPES = frozenset({"squashfs", "iso9660", "erofs"})


def fetch(_context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each path: those of `paths`, else every file system of a disk that is mounted here.

    What cannot be looked at has nulls and says why in `error`.
    """
    yield from ()
    paths = [str(path) for path in options.get("paths", ())] or local_file_systems(_read_mounts())
    return [_row(path) for path in paths]


def local_file_systems(mounts: str) -> list[str]:
    """The mount points of block devices in the text of /proc/mounts (fstab(5)), each device once; at least `/`."""
    found: dict[str, str] = {}
    for device, point, kind in _fields(mounts):
        if device.startswith("/dev/") and kind not in _READ_ONLY_TYPES:
            # A device that is mounted twice shows one file system; the shortest path names it best.
            found[device] = min(found.get(device, point), point, key=len)
    return sorted(found.values()) or ["/"]


def _fields(mounts: str) -> Iterator[tuple[str, str, str]]:
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 2:
            # Blanks and backslashes in a path are written as octal numbers.
            yield fields[0], _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[1]), fields[2]


def _read_mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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
