"""Ending programs that were started in a process group of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

_PAUSE = 0.02


def end_group(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Ends the process and all of its group; true when that took the signal which cannot be ignored.

    Between it and the polite one lie so many seconds. Raises PermissionError for a program of another user.
    """
    _signal_group(process.pid, signal.SIGTERM)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None and not _signal_group(process.pid, 0):
            return False
        time.sleep(_PAUSE)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    return True


def _signal_group(group: int, number: int) -> bool:
    """False when nobody is left in the group."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False
