"""Progress of what is being done, for whoever sits in front of it: a bar on a terminal, lines on a plain one."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol, TextIO

from runner.cli.console import tell, wants_colour, write
from runner.template import clean

_CELLS: Final = 20
_CLEAR: Final = "\r\x1b[K"


class Show(Protocol):
    """Told how much of the work on a target is done, from 0 to 1, and of what; an empty text leaves it as it was."""

    def __call__(self, target: str, text: str, share: float) -> None: ...


@dataclass
class Bar:
    """The last line of a terminal. Lines are written above it; of several targets the one that moved last is shown."""

    stream: TextIO
    _texts: dict[str, str] = field(default_factory=dict)
    _line: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, text: str) -> None:
        with self._lock:
            write(self.stream, f"{_CLEAR if self._line else ''}{clean(text)}\n{self._line}")

    def show(self, target: str, text: str, share: float) -> None:
        with self._lock:
            if text or target not in self._texts:
                self._texts[target] = clean(text)
            where = f"{target}: " if target and len(self._texts) > 1 else ""
            columns = shutil.get_terminal_size().columns
            self._line = drawn(f"{where}{self._texts[target]}", share, columns - 1)
            write(self.stream, f"{_CLEAR}{self._line}")

    def close(self) -> None:
        """Takes the bar away; the lines stay."""
        with self._lock:
            if self._line:
                self._line = ""
                write(self.stream, _CLEAR)


def drawn(text: str, share: float, columns: int) -> str:
    """`[#########-----------]  45% text`, in so many columns at most."""
    share = min(1.0, max(0.0, share))
    full = int(share * _CELLS)
    return f"[{'#' * full}{'-' * (_CELLS - full)}] {int(share * 100):3}% {text}"[: max(columns, 0)]


@contextmanager
def progress() -> Iterator[tuple[Callable[[str], None], Show | None]]:
    """How to tell lines, and how to show a share, None where nothing can be drawn; silent without a terminal."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield (lambda _: None), None
    elif not wants_colour(stream):
        yield tell, None
    else:
        bar = Bar(stream)
        try:
            yield bar.tell, bar.show
        finally:
            bar.close()
