"""Executes the claimed runs of one target in order: conversations together, everything else one by one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from runner import crashpoints
from runner.api import (
    Answer,
    Conversation,
    Fault,
    Finding,
    Job,
    JobKind,
    Outcome,
    PluginError,
    Query,
    Series,
    ServerFacts,
    State,
    skipped,
    unknown,
)
from runner.engine.context import Context
from runner.engine.converse import drive
from runner.engine.guard import Guarded, guard, refusal
from runner.errors import RunnerError
from runner.model.quantity import show_duration
from runner.model.result import held_back
from runner.plugins.registry import resolve
from runner.records import dataclass


class Ask(Protocol):
    """Answers queries about the target of these runs, in order."""

    def __call__(self, queries: Sequence[Query]) -> Sequence[Answer]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One claimed run with all that it may use."""

    context: Context
    kind: JobKind
    applied_before: Callable[[], bool] = lambda: False
    """Whether the run before really looked; asked only when this one does not apply."""
    refused: str = ""
    """Why it must not be executed: a command that is not allowed, an interrupted run that must not be repeated."""
    ended: str = ""
    """Why it does not apply any more: its problems end without a look."""
    unmet: Callable[[], str] = lambda: ""
    """Asked when its turn comes: why it is passed over, because a job that it follows was not ok."""

    @property
    def shares_round_trips(self) -> bool:
        return self.kind.converse is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A run that has ended; a fault when our machinery or a plugin failed in it, with the error that it let out."""

    work: Work
    outcome: Outcome
    fault: Fault | None = None
    error: Exception | None = None


def execute(works: Sequence[Work], ask: Ask, finished: Callable[[Sequence[Done]], None]) -> None:
    """Calls `finished` after every batch; neighbours that converse make one batch."""
    for batch in _batches(works):
        finished(_converse(batch, ask) if batch[0].shares_round_trips else [_run(batch[0], ask)])


def _batches(works: Iterable[Work]) -> list[list[Work]]:
    """Neighbours that converse, unless one follows another of them; everything else alone."""
    batches: list[list[Work]] = []
    for work in works:
        last = batches[-1] if batches else []
        together = work.shares_round_trips and last and last[0].shares_round_trips
        if together and not {item.context.job.name for item in last} & set(work.context.job.after):
            last.append(work)
        else:
            batches.append([work])
    return batches


def _converse(works: Sequence[Work], ask: Ask) -> list[Done]:
    conversations = {work.context.run_id: _guarded(work) for work in works}
    ended = drive(conversations, ask)
    return [_done(work, ended[work.context.run_id]) for work in works]


def _run(work: Work, ask: Ask) -> Done:
    return _done(work, drive({"": _guarded(work)}, ask)[""])


def _guarded(work: Work) -> Conversation:
    """The job's own conversation (or blocking run) in the databases where it applies."""
    context, job = work.context, work.context.job
    if work.ended:
        return skipped(work.ended)
    if work.refused:
        return unknown(work.refused)
    if reason := work.unmet():
        return held_back(reason)
    if isinstance(context.server, ServerFacts):
        reason = refusal(job.requires, context.server)
        if reason:
            return _not_here(work, reason)
        guarded = yield from guard(job, context.databases, context.params)
    else:
        guarded = Guarded(databases=context.databases)
    if context.databases and not guarded.databases:
        return _nowhere(work, guarded)
    outcome = yield from _own(work, guarded.databases)
    return _with_settled(work, _with_blind(outcome, guarded.blind), guarded.skipped)


def _own(work: Work, databases: tuple[str, ...]) -> Generator[Sequence[Query], Sequence[Answer], Outcome]:
    context = work.context.begun(databases)
    crashpoints.reached("before-run")
    if work.kind.converse is not None:
        outcome: Outcome = yield from resolve(work.kind.converse)(context, context.job)
    elif work.kind.run is not None:
        outcome = _with_retries(resolve(work.kind.run), context)
    crashpoints.reached("after-run")
    return _checked(outcome)


def _checked(outcome: object) -> Outcome:
    if isinstance(outcome, Outcome):
        return outcome
    raise TypeError(f"it returned {outcome!r:.100} where an Outcome belongs")


def _with_retries(run: Callable[[Context, Job], Outcome], context: Context) -> Outcome:
    """Runs again what failed, as often as `retry:` says; the note tells that it took more than one try."""
    retry = context.job.retry
    for attempt in range(retry.times + 1):
        outcome = _checked(run(context, context.job))
        last = attempt == retry.times or context.deadline() == 0.0
        if last or outcome.state not in (State.CRITICAL, State.UNKNOWN):
            break
        context.progress(f"{context.job.name} failed, next try in {show_duration(retry.pause(attempt))}")
        context.wait(retry.pause(attempt))
    if attempt == 0:
        return outcome
    return replace(outcome, notes=(f"took {attempt + 1} tries", *outcome.notes))


def _nowhere(work: Work, guarded: Guarded) -> Outcome:
    if guarded.blind:
        return _with_blind(Outcome(summary="could not look", looked=frozenset()), guarded.blind)
    return _not_here(work, "; ".join(dict.fromkeys(guarded.skipped.values())))


def _not_here(work: Work, reason: str) -> Outcome:
    if work.applied_before():
        # What applied once and stops applying may be the very fault: a standby that died, a dropped extension.
        return unknown(f"no longer applies here: {reason}")
    return skipped(reason)


def _with_settled(work: Work, outcome: Outcome, skipped_in: Mapping[str, str]) -> Outcome:
    """Problems end in databases where the job does not apply any more, and in those that are gone."""
    context = work.context
    if not outcome.looked or not isinstance(context.server, ServerFacts):
        return outcome
    gone = {series.database for series in context.memory.problems} - {"", *context.databases}
    return replace(outcome, looked=outcome.looked | gone | set(skipped_in))


def _with_blind(outcome: Outcome, blind: Mapping[str, str]) -> Outcome:
    findings = tuple(
        Finding(state=State.UNKNOWN, message=reason, series=Series(database), reason=reason)
        for database, reason in blind.items()
    )
    if not findings:
        return outcome
    summary = outcome.summary if outcome.looked else next(iter(blind.values()))
    return replace(outcome, findings=(*outcome.findings, *findings), summary=summary)


def _done(work: Work, ended: Outcome | Exception) -> Done:
    if isinstance(ended, Outcome):
        return Done(work=work, outcome=ended)
    if isinstance(ended, RunnerError):
        outcome = unknown(ended.message)
        outcome = replace(outcome, notes=(ended.hint,) if ended.hint else ())
        fault = _fault_of(work, ended)
        return Done(work=work, outcome=outcome, fault=fault, error=ended if fault else None)
    return broken(work, ended)


def _fault_of(work: Work, error: RunnerError) -> Fault | None:
    """A plugin that cannot be loaded is nothing that the server did."""
    if not isinstance(error, PluginError):
        return None
    return Fault(where=f"job {work.context.job.name}", message=error.message, hint=error.hint)


def broken(work: Work, error: Exception) -> Done:
    """The run of a kind that failed in a way that it should not."""
    job = work.context.job
    what = " ".join(f"{type(error).__name__}: {error}".split()) if str(error) else type(error).__name__
    return Done(
        work=work,
        outcome=unknown(f"the kind `{job.kind}` failed: {what}"),
        fault=Fault(where=f"job {job.name}", message=f"the kind `{job.kind}` raised {what}"),
        error=error,
    )


def in_order(works: Iterable[Work], groups: Sequence[str], changes_data: Callable[[str], bool]) -> list[Work]:
    """The order on one target: groups that only read first, then each group in the order of its file.

    A job that follows another (`after:`) comes behind it, wherever that stands.
    """
    place = {name: index for index, name in enumerate(groups)}
    ordered = sorted(
        works,
        key=lambda work: (
            changes_data(work.context.job.group),
            place.get(work.context.job.group, 0),
            work.context.job.order,
        ),
    )
    return _behind_what_they_follow(ordered)


def _behind_what_they_follow(works: Sequence[Work]) -> list[Work]:
    waiting, done = list(works), list[Work]()
    while waiting:
        names = {work.context.job.name for work in waiting}
        # Jobs that follow each other in a circle are refused when the home is read.
        free = next((work for work in waiting if not names & set(work.context.job.after)), waiting[0])
        waiting.remove(free)
        done.append(free)
    return done
