"""pgbench as an application beside something else: each of its transactions, when it ended and how long it took."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_MICROSECOND = 1e-6


@dataclass(frozen=True)
class Transaction:
    """When it ended (seconds since 1970), and its seconds from its first statement to its commit."""

    ended: float
    seconds: float


@dataclass
class Load:
    """pgbench at so many transactions a second, from entering to leaving; `transactions` are known afterwards.

    `work` are pgbench's own options for what is done: `["-b", "simple-update"]`, or `["-f", file]`.
    """

    program: Path
    dsn: str
    work: Sequence[str]
    clients: int = 4
    rate: int = 200
    transactions: list[Transaction] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="runner-load-")
        words = [
            str(self.program), "-n", *self.work, "-c", str(self.clients), "-R", str(self.rate), "-T", "3600", "-l", self.dsn,
        ]  # fmt: skip
        self._process = subprocess.Popen(
            words, cwd=self._folder.name, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while self._process.poll() is None and not list(Path(self._folder.name).iterdir()):
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What its own timer does at the end of `-T`: it stops in an orderly way and writes its whole log.
        self._process.send_signal(signal.SIGALRM)
        _, said = self._process.communicate(timeout=60)
        log = "".join(path.read_text() for path in Path(self._folder.name).iterdir())
        self._folder.cleanup()
        if self._process.returncode:
            raise RuntimeError(f"pgbench failed: {said}")
        self.transactions += [_transaction(line.split()) for line in log.splitlines()]

    @property
    def seconds(self) -> list[float]:
        """How long they took, the slowest last."""
        return sorted(item.seconds for item in self.transactions)


def _transaction(cells: Sequence[str]) -> Transaction:
    """A line of pgbench's log; the time of a transaction includes how late it began."""
    _, _, took, _, second, microsecond, late = cells
    return Transaction(
        ended=int(second) + int(microsecond) * _MICROSECOND, seconds=(int(took) - int(late)) * _MICROSECOND
    )


def beside(load: Load, work: Callable[[], object]) -> list[float]:
    """The seconds of the transactions that ended while `work` went on, the slowest last."""
    with load:
        began = time.time()
        work()
        ended = time.time()
    return sorted(item.seconds for item in load.transactions if began <= item.ended <= ended)
