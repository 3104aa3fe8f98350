"""Runs the real SQL of a check in a fresh database, as a tick would, for tests with `given:`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from datetime import datetime
from typing import Protocol

from runner.api import (
    Backlog,
    HistoryNeed,
    Job,
    Memory,
    Outcome,
    Past,
    Problem,
    QueryError,
    Result,
    RunnerError,
    Sample,
    Seen,
    Series,
    Target,
)
from runner.app.loading import Loaded
from runner.app.remembered import Remembered
from runner.clock import ShiftedClock
from runner.engine.context import Context, databases_of
from runner.engine.database.server import Server
from runner.engine.database.writer import Writer
from runner.engine.execute import Done, Work, execute
from runner.errors import TargetError
from runner.records import dataclass


class Ground(Protocol):
    """A throw-away server, for as long as tests need it."""

    def fresh(self) -> AbstractContextManager[Target]:
        """A new database that is dropped afterwards, with a superuser to connect as."""


@dataclass(frozen=True, slots=True)
class _History:
    """The past of a test as the plugin API's HistoryReader: there is one job and one target."""

    remembered: Remembered

    def past(self, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime) -> Past:  # noqa: ARG002
        return self.remembered.past(now)

    def trend(self, *_: object) -> Mapping[Series, tuple[Sample, ...]]:
        return {}

    def run_statistics(self, since: datetime) -> Sequence[Mapping[str, object]]:  # noqa: ARG002
        return ()

    def latest(self, job: str | None = None) -> Sequence[Result]:  # noqa: ARG002
        return ()

    def seen(self) -> Mapping[tuple[str, str], Seen]:
        return {}

    def backlog(self) -> Sequence[Backlog]:
        return ()

    def problems(self) -> Sequence[Problem]:
        return ()


def prepare(target: Target, statements: Sequence[str]) -> None:
    """Runs the statements one by one as the superuser; raises RunnerError for one that fails."""
    if not statements:
        return
    with closing(Writer(target, "", purpose="runner test", lock_timeout=10.0)) as writer:
        for statement in statements:
            answer = writer.execute(statement)
            if isinstance(answer, QueryError):
                raise RunnerError(f"`given` cannot be run: {answer}", hint=answer.hint)


def look(
    loaded: Loaded,
    job: Job,
    target: Target,
    *,
    remembered: Remembered,
    memory: Memory,
    params: Mapping[str, object],
    now: datetime,
) -> Outcome:
    """What the check finds on the target with this past; `requires`, `applies_if` and `precondition` count."""
    with closing(Server(target)) as server:
        facts = server.facts
        if isinstance(facts, TargetError):
            raise facts
        context = Context(
            run_id="test", job=job, slot=now, clock=ShiftedClock(now), home=loaded.home.path, target=target,
            server=facts, databases=databases_of(job, target, facts), params=params, memory=memory,
            history=_History(remembered), jobs=loaded.home.jobs, probes=loaded.registry.probes,
            open_session=_no_session, tell=lambda _: None,
        )  # fmt: skip
        done: list[Done] = []
        execute([Work(context=context, kind=loaded.registry.kinds[job.kind])], server.answer, done.extend)
    if done[0].fault is not None:
        raise RunnerError(done[0].fault.message, hint=done[0].fault.hint)
    return done[0].outcome


def _no_session(*_: object) -> Writer:
    raise TargetError("a check writes nothing")
