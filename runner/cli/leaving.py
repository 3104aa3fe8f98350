"""The end of the process: threads that a plugin left behind get a few seconds, and then it ends without them."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

GRACE = 5.0
"""Seconds for threads that Python would wait for: they may be about to send the last of what they have."""


def leave(code: int) -> int:
    """The exit code when nobody is left; otherwise the process ends here.

    Python itself would wait for such a thread for ever, and cron would start the next tick beside it each minute.
    """
    deadline = time.monotonic() + GRACE
    for thread in _others():
        if not thread.daemon:
            thread.join(max(deadline - time.monotonic(), 0.0))
    if any(not thread.daemon for thread in _others()):
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


def _others() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
