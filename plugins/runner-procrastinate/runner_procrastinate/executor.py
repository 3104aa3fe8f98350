"""The executor `runner.procrastinate`: ticks defer batches, workers perform them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from runner.api import Batch, ExecutorContext, Options, WorkContext, revealed
from runner_procrastinate.tables import Tables


class ProcrastinateExecutor:
    """Connects when it is asked something, and not before."""

    def __init__(self, options: Options, _context: ExecutorContext) -> None:
        self._dsn = str(revealed(options["dsn"]))
        self._prefix = str(options.get("queue", "runner"))
        self._poll = float(options.get("poll", 1.0))
        self._tables = Tables(self._dsn, self._prefix)

    def hand_out(self, batches: Sequence[Batch]) -> None:
        self._tables.defer(batches)

    def holding(self, waves: Collection[str]) -> frozenset[str]:
        return self._tables.held(waves)

    def work(self, context: WorkContext) -> None:
        # What works is not needed by ticks, which are many.
        from runner_procrastinate.working import work

        self._tables.held(())
        work(self._dsn, self._prefix, self._poll, self._tables, context)

    def set_up(self) -> str:
        return self._tables.make()

    def close(self) -> None:
        """Nothing is kept open."""


def open_executor(options: Options, context: ExecutorContext) -> ProcrastinateExecutor:
    return ProcrastinateExecutor(options, context)
