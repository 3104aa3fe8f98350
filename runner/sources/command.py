"""Targets that a program prints."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import IO

from runner.api import ConfigurationError, Options, SourceContext, TargetRow
from runner.programs import end_group

MOST_BYTES = 16_000_000
_SECONDS_TO_OBEY = 1.0
_QUOTED = 200


def read(options: Options, context: SourceContext) -> Sequence[TargetRow]:
    """What it prints, when it ends well and in time. Raises ConfigurationError."""
    words = [str(word) for word in options["command"]]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                words, cwd=context.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            hint = "a path is relative to the home; the program needs `chmod +x`"
            raise ConfigurationError(f"`{words[0]}` cannot be started: {why}", hint=hint) from None
        assert process.stdout is not None
        with process.stdout:
            try:
                data = _output(process, process.stdout, words[0], context.timeout)
            finally:
                end_group(process, _SECONDS_TO_OBEY)
        if process.returncode:
            raise ConfigurationError(f"`{words[0]}` failed with exit code {process.returncode}{_last_words(said)}")
    try:
        return context.listed(data.decode(), words[0])
    except UnicodeDecodeError:
        raise ConfigurationError(f"what `{words[0]}` prints is not UTF-8 text") from None


def _output(process: subprocess.Popen[bytes], pipe: IO[bytes], program: str, seconds: float) -> bytes:
    """All that it prints. What it started in the background and left there is not waited for."""
    end, data = time.monotonic() + seconds, b""
    os.set_blocking(pipe.fileno(), False)
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < end:
            # Asked before the pipe is: what it wrote before it ended is still read.
            ended = process.poll() is not None
            ready = waiting.select(min(0.1, seconds))
            more = pipe.read(65536) if ready else None
            if more:
                data += more
                if len(data) > MOST_BYTES:
                    raise ConfigurationError(f"`{program}` prints more than {MOST_BYTES // 1_000_000} MB")
            elif ended:
                return data
            elif more == b"":
                # It closed its output and works on.
                time.sleep(0.01)
    raise ConfigurationError(f"`{program}` had not ended after {seconds:g} s", hint="give it longer with `timeout:`")


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
    lines = [line.strip() for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return f": {lines[-1][:_QUOTED]}" if lines else ""
