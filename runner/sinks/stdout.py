"""The sink `stdout`: prints each report on the process's standard output."""

from __future__ import annotations

from collections.abc import Callable

from runner.api import Options, Report, RetryableSinkError, SinkContext


class Stdout:
    """Reports of several lines are followed by an empty one."""

    def __init__(self, render: Callable[[Report], str], write: Callable[[str], object], *, dry_run: bool) -> None:
        self._render, self._write, self._dry_run = render, write, dry_run

    def emit(self, report: Report) -> None:
        text = self._render(report)
        if self._dry_run:
            return
        try:
            self._write(text + "\n" if text.count("\n") > 1 else text)
        except OSError as error:
            raise RetryableSinkError(f"the standard output cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is kept open."""


def open_stdout(options: Options, context: SinkContext) -> Stdout:
    return Stdout(context.format(options["format"]), context.write_stdout, dry_run=context.dry_run)
