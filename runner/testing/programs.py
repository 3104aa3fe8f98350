"""Real receivers of somebody else's: a program that is started for a test and answers on the loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

_PATIENCE = 60.0


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(words: Sequence[str], log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """Starts the program, writes what it says to `log`, waits until the URL `ready` answers, and ends it."""
    with log.open("wb") as file, subprocess.Popen(words, stdout=file, stderr=file) as process:
        try:
            _wait_for(ready, log)
            yield process
        finally:
            process.terminate()


def _wait_for(url: str, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            urlopen(url, timeout=5).close()  # noqa: S310 the test wrote it
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return
