"""One program in a process group of its own, with the last part of its output and a limit of time."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runner.programs import end_group
from runner.records import dataclass

KEPT = 8192
"""Bytes kept of each output, from its end."""
SECONDS_TO_OBEY = 5.0
"""Between the polite signal and the one that cannot be ignored."""
_SECONDS_TO_READ_ON = 1.0
_SECONDS_BETWEEN_LOOKS = 0.5
_CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended: `code` is negative for a signal; `timed_out` means that it was made to end."""

    code: int
    seconds: float
    stdout: str
    stderr: str
    limit: float = 0.0
    """Seconds after which it was made to end."""
    timed_out: bool = False
    killed: bool = False
    """True when the polite signal was not enough."""


class _Tail(threading.Thread):
    """Reads a pipe to its end and keeps the last part.

    A program left in the background may hold the pipe open for ever: after `finish()` only what comes at once
    is still read.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self._descriptor = descriptor
        self._kept = b""
        self._finish_by: float | None = None

    def run(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        try:
            while self._finish_by is None or time.monotonic() < self._finish_by:
                if poll.poll(100):
                    data = os.read(self._descriptor, _CHUNK)
                    if not data:
                        return
                    self._kept = (self._kept + data)[-KEPT:]
                elif self._finish_by is not None:
                    return
        finally:
            os.close(self._descriptor)

    def finish(self) -> str:
        self._finish_by = time.monotonic() + _SECONDS_TO_READ_ON
        self.join()
        return self._kept.decode("utf-8", "replace")


def run_program(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], left: Callable[[], float]) -> Ended:
    """Runs it to its end, or ends its whole group when no seconds are `left`. Raises OSError when it cannot start."""
    started = time.monotonic()
    process, out, err = _start(argv, cwd, env)
    try:
        timed_out = not _wait(process, left)
        limit = time.monotonic() - started
        killed = timed_out and end_group(process, SECONDS_TO_OBEY)
    except BaseException:
        end_group(process, SECONDS_TO_OBEY)
        raise
    finally:
        texts = out.finish(), err.finish()
    return Ended(
        code=process.returncode,
        seconds=time.monotonic() - started,
        stdout=texts[0],
        stderr=texts[1],
        limit=limit,
        timed_out=timed_out,
        killed=killed,
    )


def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], _Tail, _Tail]:
    pipes = [os.pipe(), os.pipe()]
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=pipes[0][1],
            stderr=pipes[1][1],
            start_new_session=True,
        )
    except BaseException:
        for reading, _ in pipes:
            os.close(reading)
        raise
    finally:
        for _, writing in pipes:
            os.close(writing)
    tails = _Tail(pipes[0][0]), _Tail(pipes[1][0])
    for tail in tails:
        tail.start()
    return process, *tails


def _wait(process: subprocess.Popen[bytes], left: Callable[[], float]) -> bool:
    """Whether it ended by itself; asks again and again, since runner may be told to stop meanwhile."""
    while (seconds := left()) > 0:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=min(seconds, _SECONDS_BETWEEN_LOOKS))
            return True
    return process.poll() is not None
