"""The sink `command`: gives each report to a program, on its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from runner.api import Options, Report, RetryableSinkError, Secret, SinkContext, SinkError, revealed
from runner.model.secret import mask
from runner.programs import end_group
from runner.template import clean

REFUSED = 65
"""The exit code (EX_DATAERR of sysexits.h) of a program that will never take this report."""
_KEPT = 4096
_SECONDS_TO_OBEY = 0.5


class Command:
    """Starts the program once for each report, without a shell, in a process group of its own."""

    def __init__(self, words: Sequence[str | Secret], options: Options, context: SinkContext) -> None:
        self._words, self._context = words, context
        self._given: Mapping[str, object] = options.get("env", {})
        self._render: Callable[[Report], str] = context.format(options["format"])

    def emit(self, report: Report) -> None:
        """Exit code 0 is success, 65 final; every other, a signal and a timeout are tried again."""
        text = self._render(report)
        if self._context.dry_run:
            return
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(text.encode("utf-8", "replace"))
            given.seek(0)
            code = self._run(report, given, said)
            if code:
                raise self._refusal(code, self._last_words(said))

    def close(self) -> None:
        """Every program has ended."""

    def _run(self, report: Report, given: IO[bytes], said: IO[bytes]) -> int:
        words = [revealed(word) for word in self._words]
        try:
            process = subprocess.Popen(
                words, stdin=given, stdout=subprocess.DEVNULL, stderr=said, cwd=self._context.home,
                env=self._environment(report), start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or "its words cannot be passed on"
            hint = "cron's PATH is short: name the program with its whole path"
            raise RetryableSinkError(self._masked(f"{words[0]} cannot be started: {reason}"), hint=hint) from None
        try:
            return process.wait(timeout=self._context.timeout)
        except subprocess.TimeoutExpired:
            raise RetryableSinkError(
                self._masked(f"{words[0]} took longer than {self._context.timeout:g} s"), hint="`timeout:` of the sink"
            ) from None
        finally:
            _end(process)

    def _environment(self, report: Report) -> dict[str, str]:
        return {
            **os.environ,
            "RUNNER_SINK": self._context.name,
            "RUNNER_REPORT": report.id,
            "RUNNER_GROUP": clean(report.group, limit=200),
            "RUNNER_STATE": report.state.value,
            **{name: revealed(value) for name, value in self._given.items()},
        }

    def _refusal(self, code: int, words: str) -> SinkError:
        name = revealed(self._words[0])
        how = f"ended with exit code {code}" if code > 0 else f"was ended by {_signal(-code)}"
        message = self._masked(f"{name} {how}{f': {words}' if words else ''}")
        if code == REFUSED:
            return SinkError(message, hint="this code says that the report itself is refused; it is not sent again")
        return RetryableSinkError(message, hint="run the program by hand with a report on its standard input")

    def _last_words(self, said: IO[bytes]) -> str:
        size = said.seek(0, os.SEEK_END)
        said.seek(max(0, size - _KEPT))
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
        return clean(lines[-1], limit=300) if lines else ""

    def _masked(self, text: str) -> str:
        values = [*self._words, *self._given.values()]
        return mask(text, [value for value in values if isinstance(value, Secret)])


def open_command(options: Options, context: SinkContext) -> Command:
    """The program is looked for when the first report is there."""
    return Command(tuple(options["run"]), options, context)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that still runs, with its whole group: politely, then for good."""
    if process.poll() is None:
        with suppress(PermissionError):
            end_group(process, _SECONDS_TO_OBEY)
