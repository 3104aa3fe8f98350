"""Standard output belongs to runner's own results: once plugins are loaded, whatever else prints is sent to stderr.

The file descriptor itself is exchanged, so that programs and C libraries that a plugin calls are sent there too.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO


@dataclass
class _Kept:
    """Where results go while `sys.stdout` is somebody else's; `descriptor` says that descriptor 1 was exchanged."""

    before: TextIO
    results: TextIO
    descriptor: bool


_kept: _Kept | None = None


def results() -> TextIO | None:
    """The stream for results; None when the process was started without one."""
    return _kept.results if _kept else sys.stdout


def keep_apart() -> None:
    """From now on `print` and descriptor 1 lead to standard error, and `results()` alone to standard output."""
    global _kept
    before = sys.stdout
    if _kept is not None or before is None:
        return
    # A process that was started without one (`2>&-`) may have any file on descriptor 2.
    elsewhere = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    exchanged = _exchanged(before, 2 if sys.stderr else elsewhere.fileno())
    _kept = _Kept(before, exchanged or before, exchanged is not None)
    sys.stdout = elsewhere


def give_back() -> None:
    """Undoes `keep_apart`."""
    global _kept
    if _kept is None:
        return
    kept, _kept = _kept, None
    sys.stdout = kept.before
    if kept.descriptor:
        with suppress(OSError, ValueError):
            kept.results.flush()
        os.dup2(kept.results.fileno(), 1)
        with suppress(OSError, ValueError):
            kept.results.close()


def silence() -> None:
    """The reader has gone: what is still buffered goes nowhere, and Python does not complain of it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in filter(None, (_kept.results if _kept else None, sys.__stdout__)):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _exchanged(stream: TextIO, elsewhere: int) -> TextIO | None:
    """The process's own standard output on a descriptor that no child inherits; None where a test stands in for it."""
    if stream is not sys.__stdout__:
        return None
    try:
        if stream.fileno() != 1:
            return None
        stream.flush()
        own = os.dup(1)
        os.dup2(elsewhere, 1)
    except (OSError, ValueError):
        return None
    return open(own, "w", encoding=stream.encoding, errors=stream.errors)
