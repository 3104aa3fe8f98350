"""The executor of a home: opened when something is handed out, and guarded against what a plugin lets out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from runner.api import Executor, ExecutorError, Fault, PluginError, RunnerError
from runner.app.home_version import version_of
from runner.app.loading import Loaded
from runner.engine.batches import batches_of
from runner.engine.claims import Claimed
from runner.model.executor import ExecutorSettings
from runner.model.home import Home
from runner.plugins.registry import describe, resolve
from runner.records import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeExecutorContext:
    """The ExecutorContext of a home."""

    home: Path
    state_dir: Path
    queues: tuple[str, ...]


def queues_of(home: Home) -> tuple[str, ...]:
    """All queues of the home; the empty one takes what has no label."""
    label = home.settings.executor.queue_by if home.settings.executor else ""
    named = {target.labels.get(label, "") for target in home.targets.values()} if label else set()
    return tuple(sorted({"", *named}))


def open_executor(loaded: Loaded, settings: ExecutorSettings) -> Executor:
    """Raises PluginError when its plugin is gone, and what its opener raises."""
    home = loaded.home
    kind = loaded.registry.executors.get(settings.type)
    if kind is None or kind.open is None:
        raise PluginError(f"there is no executor `{settings.type}`", hint="runner plugins list")
    context = HomeExecutorContext(home=home.path, state_dir=home.state_dir, queues=queues_of(home))
    opened: Executor = resolve(kind.open)(settings.options, context)
    return opened


class Hands:
    """Hands out what a tick claimed. Nothing is opened before it is needed."""

    def __init__(self, loaded: Loaded, settings: ExecutorSettings) -> None:
        self._loaded = loaded
        self._opened: list[Executor] = []
        self.settings = settings

    def held(self, waves: Collection[str]) -> frozenset[str]:
        """The waves that wait or are performed. Raises ExecutorError."""
        with _guarded():
            return frozenset(self._executor().holding(waves))

    def hand_out(self, claims: Sequence[Claimed], wave: str) -> tuple[list[Claimed], tuple[Fault, ...]]:
        """What is left to be told by this tick itself, and why nothing was handed out.

        Then the runs stay recorded as running; the next tick finds that nobody has them and hands them out again.
        """
        here = [claim for claim in claims if claim.refused or claim.ended]
        away = [claim for claim in claims if not (claim.refused or claim.ended)]
        if not away:
            return here, ()
        kinds = self._loaded.registry.kinds
        try:
            with _guarded():
                batches = batches_of(
                    away,
                    self._loaded.home,
                    wave,
                    version_of(self._loaded),
                    lambda job: kinds[job.kind].changes_data,
                    self.settings.queue_by,
                )
                self._executor().hand_out(batches)
        except RunnerError as error:
            return here, (fault_of(error),)
        return here, ()

    def close(self) -> None:
        for executor in self._opened:
            executor.close()
        self._opened.clear()

    def _executor(self) -> Executor:
        if not self._opened:
            self._opened.append(open_executor(self._loaded, self.settings))
        return self._opened[0]


def hands_of(loaded: Loaded) -> Hands | None:
    """None where ticks perform what they claim."""
    settings = loaded.home.settings.executor
    return Hands(loaded, settings) if settings else None


def fault_of(error: RunnerError) -> Fault:
    return Fault(where="executor", message=error.message, hint=error.hint)


def guarded(call: Callable[[], T]) -> T:
    """What the executor returns; raises RunnerErrors alone."""
    with _guarded():
        return call()


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except RunnerError:
        raise
    except Exception as error:
        raise ExecutorError(f"the executor failed: {describe(error)}", hint="runner plugins list") from error
