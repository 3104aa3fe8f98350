"""Small waits, each twice the last, until the time for them is over."""

from __future__ import annotations

import time
from typing import Final

_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 1.0


class Patience:
    """Begins with the first wait."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: float | None = None
        self._wait = _FIRST_WAIT

    def lasts(self) -> bool:
        """Waits and returns True; False at once when the time is over."""
        now = time.monotonic()
        self._began = self._began or now
        left = self._began + self._seconds - now
        if left <= 0:
            return False
        time.sleep(min(self._wait, left))
        self._wait = min(self._wait * 2, _LONGEST_WAIT)
        return True

    def lengthen(self, seconds: float) -> None:
        """Makes the whole time at least so long."""
        self._seconds = max(self._seconds, seconds)
