"""Every exception that crosses a module boundary.

RunnerError                     something an operator can mend; ends in one message, never in a traceback
├── UsageError                  wrong words on the command line (exit 64)
├── ConfigurationError          bad documents or settings (exit 78); carries diagnostics
├── ExpressionError             a threshold or other expression; carries the offsets of the bad characters
├── TemplateError               a message or report template that cannot be read or filled in; carries its line
├── ScheduleError               a schedule, time zone or duration that cannot be read
├── ExecutorError               runs cannot be handed out to workers, or fetched from where they wait (exit 4)
├── StoreError                  history cannot be read or written (exit 4 when a run could not be recorded)
├── OutputError                 standard output takes nothing more (exit 4)
├── TargetError                 a server cannot be reached or refuses us
│   └── SilentTargetError       it says nothing at all: asking again costs the same time again
├── PluginError                 a plugin that cannot be loaded or broke its contract
└── SinkError                   a report could not be delivered, and trying again is useless
    └── RetryableSinkError      trying again later may help
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.model.diagnostic import Diagnostic


class RunnerError(Exception):
    """What went wrong in one sentence, and a hint that says what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RunnerError):
    """The command line asks for something that does not exist."""


class ConfigurationError(RunnerError):
    """The home cannot be used as it is; every complaint is a diagnostic with its position."""

    def __init__(self, message: str, *, diagnostics: Sequence[Diagnostic] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = tuple(diagnostics)


class ExpressionError(RunnerError):
    """An expression is wrong between the offsets `start` and `end` (characters, end exclusive)."""

    def __init__(self, message: str, *, start: int, end: int, hint: str = "", code: str = "expression") -> None:
        super().__init__(message, hint=hint)
        self.start = start
        self.end = end
        self.code = code


class TemplateError(RunnerError):
    """A template is wrong in its `line`, counted from 1; 0 when no line is to blame."""

    def __init__(self, message: str, *, line: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


class ScheduleError(RunnerError):
    """A schedule, a time zone or a window cannot be read."""


class StoreError(RunnerError):
    """The store cannot be opened, read or written."""


class ExecutorError(RunnerError):
    """Runs cannot be handed out to workers, or fetched from where they wait."""


class TargetError(RunnerError):
    """A server cannot be reached or refuses the session; the message never holds a secret."""


class SilentTargetError(TargetError):
    """A server did not say a word within the time for a connection."""


class PluginError(RunnerError):
    """A plugin cannot be imported, registered or used."""


class SinkError(RunnerError):
    """A report could not be delivered and a later try would fail the same way."""


class RetryableSinkError(SinkError):
    """A report could not be delivered now; `retry_after` is the receiver's own wish in seconds."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class OutputError(RunnerError):
    """Standard output takes nothing more: the disk behind it is full."""
