"""How the runner itself fares: jobs that nobody evaluated, a silent cron, deliveries that pile up, targets that go."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from runner.api import Answer, Job, Options, Query, Row, RunContext
from runner.gate import HEARTBEAT
from runner.model.quantity import show_duration
from runner.schedule import missed

_GRACE = timedelta(minutes=5)
"""So long a slot may take to be looked at: the run may come in this very tick."""
_GONE_TOLD = timedelta(hours=5)
"""Less than the time after which problems are told again, so that a target that is gone is told of once."""
_NAMED = 10


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each job and target that was seen, each sink that has had deliveries, cron, and each source of targets."""
    yield from ()
    return [*_jobs(context, options), *_cron(context), *_sinks(context), *_sources(context)]


def _row(what: str, name: str, told: str, **values: object) -> Row:
    return {
        "what": what,
        "name": name,
        "told": told,
        "slots": 0,
        "silent": 0,
        "waiting": 0,
        "oldest": 0,
        "given_up": 0,
        **values,
    }


def _jobs(context: RunContext, options: Options) -> Iterable[Row]:
    exclude = options.get("exclude", [])
    jobs = {job.name: job for job in context.jobs if not any(fnmatchcase(job.name, str(item)) for item in exclude)}
    for (name, target), seen in sorted(context.history.seen().items()):
        if name in jobs and jobs[name].schedule is not None:
            since = max(seen.first, seen.evaluated or seen.first)
            yield _job(jobs[name], target, since, context.now)


def _job(job: Job, target: str, since: datetime, now: datetime) -> Row:
    """Slots since the newest one that was run to its end; a job that was never run counts from its first sight."""
    slots = missed(job.schedule, since, now - _GRACE) if job.schedule else 0
    where = f"{job.name} on {target}" if target else job.name
    told = f"{where} was not evaluated for {slots} slots, since {since:%Y-%m-%d %H:%M} UTC"
    return _row("job", where, told, slots=slots)


def _cron(context: RunContext) -> Iterable[Row]:
    """How long ago the tick before this one was; nothing when ticks are for single groups, or in a rehearsal."""
    try:
        beat = (context.home / ".runner" / HEARTBEAT).stat().st_mtime
    except OSError:
        return
    silent = (context.now - datetime.fromtimestamp(beat, UTC)).total_seconds()
    if silent >= 0:
        yield _row("cron", "run-due", f"nobody called run-due for {show_duration(silent)}", silent=silent)


def _sinks(context: RunContext) -> Iterable[Row]:
    for backlog in context.history.backlog():
        oldest = max(0.0, (context.now - backlog.oldest).total_seconds()) if backlog.oldest else 0.0
        told = f"sink {backlog.sink}: {backlog.waiting} reports wait"
        told += f", the oldest for {show_duration(oldest)}" if backlog.waiting else ""
        told += f"; {backlog.given_up} were given up within a day" if backlog.given_up else ""
        yield _row(
            "sink", backlog.sink, told, waiting=backlog.waiting, oldest=oldest, given_up=backlog.given_up
        )  # fmt: skip


def _sources(context: RunContext) -> Iterable[Row]:
    """Sources of targets: how long they have not been read, how much of them is wrong, and who has gone."""
    for state in context.target_sources:
        since = state.read or state.tried
        silent = max(0.0, (context.now - since).total_seconds()) if state.failed and since else 0.0
        told = f"targets of {state.name}: {state.trouble or f'{len(state.targets)} targets'}"
        yield _row("targets", state.name, told, silent=silent, given_up=len(state.complaints))
        for gone in state.gone:
            if context.now - gone.at < _GONE_TOLD:
                count = len(gone.names)
                more = f" and {count - _NAMED} more" if count > _NAMED else ""
                said = f"{', '.join(gone.names[:_NAMED])}{more}: gone from {state.name}, no job runs there any more"
                yield _row("gone", f"{state.name} at {gone.at:%Y-%m-%d %H:%M:%S}", said, given_up=count)
