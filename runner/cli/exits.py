"""Exit codes, decided in one place."""

from __future__ import annotations

from runner.errors import (
    ConfigurationError,
    ExecutorError,
    OutputError,
    PluginError,
    RunnerError,
    ScheduleError,
    StoreError,
    UsageError,
)
from runner.model.state import State

OK = 0
PROBLEMS = 1
MACHINERY = 4
USAGE = 64
BUG = 70
CONFIGURATION = 78
INTERRUPTED = 130
TERMINATED = 143

_STATES = {State.OK: 0, State.SKIPPED: 0, State.LEARNING: 0, State.WARNING: 1, State.CRITICAL: 2, State.UNKNOWN: 3}
NAGIOS_UNKNOWN = 3


def of_state(state: State) -> int:
    """A monitoring plugin's code: 0 ok, 1 warning, 2 critical, 3 unknown."""
    return _STATES[state]


def of_error(error: RunnerError) -> int:
    """What an error that an operator can mend exits with."""
    if isinstance(error, (UsageError, ScheduleError)):
        return USAGE
    if isinstance(error, (ConfigurationError, PluginError)):
        return CONFIGURATION
    return MACHINERY if isinstance(error, (StoreError, ExecutorError, OutputError)) else PROBLEMS
