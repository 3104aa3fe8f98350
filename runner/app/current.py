"""The home of a process that lives long: read anew when one of its files changed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runner.app.home_version import marks_of, version_of
from runner.app.loading import Loaded
from runner.records import dataclass

Load = Callable[[], Loaded]
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A home as it was read, the version of its files, and how these looked."""

    loaded: Loaded
    version: str
    marks: tuple[str, ...]


class Current:
    """Whoever asks gets the home of now; threads wait for the one that reads it. Raises RunnerErrors."""

    def __init__(self, loaded: Loaded, load: Load) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._reading = self._read(lambda: loaded)

    def get(self, *, anew: bool = False) -> Reading:
        """`anew` reads also what no file tells of, such as targets that stand elsewhere."""
        with self._lock:
            if anew or marks_of(self._reading.loaded.home.path) != self._reading.marks:
                self._reading = self._read(self._load)
            return self._reading

    def _read(self, load: Load) -> Reading:
        loaded = load()
        for _ in range(_TRIES):
            marks = marks_of(loaded.home.path)
            reading = Reading(loaded=loaded, version=version_of(loaded), marks=marks)
            if not any(_modified(mark) > loaded.since for mark in marks) and marks_of(loaded.home.path) == marks:
                break
            # A file that was edited meanwhile may have been read before or after.
            loaded = self._load()
        return reading


def _modified(mark: str) -> float:
    """Epoch seconds; 0 for a file that is gone."""
    nanoseconds = mark.partition("\t")[2].partition(" ")[0]
    return int(nanoseconds) / 1e9 if nanoseconds.isdecimal() else 0.0
