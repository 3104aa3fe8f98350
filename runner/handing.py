"""What passes between a tick that hands runs out and the workers that perform them; `runner.api` has all of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from runner.records import dataclass

Lane: TypeAlias = Literal["checks", "maintenance"]
"""What changes data never holds up what only looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedRun:
    """One claimed run: what it is, and what its report says when it is late."""

    run: str
    job: str
    target: str
    slot: datetime
    attempt: int = 1
    late: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Runs of one tick on one server: what one worker performs in one go.

    `wave` is the tick's id, `queue` the value of the label that chooses the workers (empty: any of the home's),
    `version` the digest of the home whose jobs these are.
    """

    id: str
    wave: str
    queue: str
    lane: Lane
    server: str
    version: str
    runs: tuple[HandedRun, ...]

    @property
    def lock(self) -> str:
        """Two batches with the same lock are never performed at the same time."""
        return f"{self.lane}:{self.server}"

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; `read_batch` makes a batch of it."""
        runs = [[each.run, each.job, each.target, each.slot.isoformat(), each.attempt, each.late] for each in self.runs]
        names = ("id", "wave", "queue", "lane", "server", "version")
        return {**{name: getattr(self, name) for name in names}, "runs": runs}


def read_batch(data: Mapping[str, Any]) -> Batch:
    """Raises ValueError for what `Batch.plain` did not write."""
    try:
        runs = tuple(
            HandedRun(run=run, job=job, target=target, slot=datetime.fromisoformat(slot), attempt=attempt, late=late)
            for run, job, target, slot, attempt, late in data["runs"]
        )
        return Batch(**{**data, "runs": runs})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a batch of runs: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """A batch that is given back, and when it is worth another try.

    While it `holds` its lock nothing else of that lane is begun on the server: somebody still works there.
    """

    reason: str
    seconds: float
    holds: bool = False


class WorkContext(Protocol):
    """What an executor needs in a worker. `perform` may be called from `jobs` threads at once and raises nothing."""

    @property
    def queues(self) -> Sequence[str]:
        """The queues to serve now: those that were chosen, or all that the home has; they may change, so ask again."""

    @property
    def jobs(self) -> int:
        """Batches side by side."""

    @property
    def once(self) -> bool:
        """End when nothing waits any more."""

    @property
    def stopping(self) -> bool:
        """Nothing new is to be begun."""

    def on_stop(self, call: Callable[[], object]) -> None:
        """Called once when the worker is to end, perhaps from a handler of a signal; at once when it is to end already."""

    def perform(self, batch: Batch) -> PutOff | None:
        """Runs and records the batch; None when nothing more is to be done for it."""

    def tell(self, text: str) -> None:
        """One line for whoever watches the worker."""


class Executor(Protocol):
    """Carries batches to workers, each at least once; the store sees to it that each is performed once."""

    def hand_out(self, batches: Sequence[Batch]) -> None:
        """All of them or none. Raises ExecutorError."""

    def holding(self, waves: Collection[str]) -> frozenset[str]:
        """The waves of which batches wait, or are performed by a worker that lives; frees what dead ones held.

        Called with none to see whether batches could be handed out. Raises ExecutorError.
        """

    def work(self, context: WorkContext) -> None:
        """Performs batches until the context stops. Raises ExecutorError for what will not mend itself."""

    def set_up(self) -> str:
        """Makes what the executor needs, once; says what was done. Raises ExecutorError."""

    def close(self) -> None:
        """Idempotent."""


class ExecutorContext(Protocol):
    """What an executor may know of the home."""

    @property
    def home(self) -> Path: ...

    @property
    def state_dir(self) -> Path: ...

    @property
    def queues(self) -> Sequence[str]:
        """All queues of the home: values of the label that `queue_by` names, and the empty one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorType:
    """A way to have due runs performed; without `open` the tick that claims them performs them itself."""

    type: str
    summary: str
    open: str | Callable[[Mapping[str, Any], ExecutorContext], Executor] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()


LOCAL = "local"
EXECUTORS = (ExecutorType(type=LOCAL, summary="The tick that claims runs performs them, on its own host"),)
