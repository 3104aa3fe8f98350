"""`run --dry-run` of what changes data: asks the server what would be done, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime

from runner.api import Job, Memory, Outcome, Query, QueryError, Target
from runner.app.loading import Loaded
from runner.clock import Clock
from runner.engine.context import Context, databases_of, parameters
from runner.engine.database.server import Server
from runner.engine.database.writers import Writers
from runner.engine.execute import Done, Work, execute
from runner.errors import StoreError
from runner.model.query import Answer
from runner.schedule import following, show_instant
from runner.store.address import is_postgres
from runner.store.base import Store
from runner.store.memory import WithoutStore
from runner.store.open import open_store, store_path


def rehearsed(loaded: Loaded, job: Job, target: str, overrides: Mapping[str, object], clock: Clock) -> list[str]:
    """The statements of the job on the target with why, how long each usually takes, and its lock; as lines."""
    place = loaded.home.targets.get(target)
    if place is None or not loaded.registry.kinds[job.kind].changes_data:
        return []
    lines = list(_lines(_remembering(loaded, job, place, overrides, clock, clock.now())))
    slot = next(iter(following(job.schedule, clock.now())), None) if job.schedule and job.mends else None
    if slot is not None:
        when = show_instant(slot, job.schedule.timezone if job.schedule else "UTC", clock.now())
        lines.append(f"by itself on {when}, for what {' and '.join(job.mends)} complains about:")
        mended = _lines(_remembering(loaded, job, place, {}, clock, slot))
        lines += [f"  {line}" for line in mended]
    return lines


def _remembering(
    loaded: Loaded, job: Job, place: Target, overrides: Mapping[str, object], clock: Clock, slot: datetime
) -> Outcome:
    try:
        with _remembered(loaded) as store:
            return _look(loaded, job, place, store, overrides, clock, slot)
    except StoreError:
        return _look(loaded, job, place, WithoutStore(), overrides, clock, slot)


def _remembered(loaded: Loaded) -> Store:
    """The store as it is; one that is not there yet is not made."""
    url, home = loaded.home.settings.state, loaded.home.path
    if is_postgres(url) or store_path(url, home).exists():
        return open_store(url, home)
    return WithoutStore()


def _look(
    loaded: Loaded,
    job: Job,
    target: Target,
    store: Store,
    overrides: Mapping[str, object],
    clock: Clock,
    slot: datetime,
) -> Outcome:
    settings = loaded.home.settings
    writers = Writers()
    with closing(Server(target, lock_timeout=settings.lock_timeout, connections=1)) as server, closing(writers):
        facts = server.facts
        context = Context(
            run_id="dry run", job=job, slot=slot, clock=clock, home=loaded.home.path, target=target,
            server=facts, databases=databases_of(job, target, facts), params=parameters(job, target, overrides),
            memory=_memory(store, job, target), history=store, jobs=loaded.home.jobs, probes=loaded.registry.probes,
            open_session=writers.open, targets=tuple(loaded.home.targets.values()), ask_target=_nobody,
            target_sources=loaded.home.inventory,
            tell=lambda _: None, dry_run=True,
        )  # fmt: skip
        done: list[Done] = []
        execute([Work(context=context, kind=loaded.registry.kinds[job.kind])], server.answer, done.extend)
    return done[0].outcome


def _memory(store: Store, job: Job, target: Target) -> Memory:
    try:
        return store.memory(job.name, target.name)
    except StoreError:
        return Memory()


def _nobody(target: Target, queries: Sequence[Query]) -> Sequence[Answer]:
    return [QueryError(message=f"{target.name} is not asked in a dry run")] * len(queries)


def _lines(outcome: Outcome) -> Iterator[str]:
    yield outcome.summary
    for table in outcome.tables:
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            where = f"{cells['database']}: " if cells.get("database") else ""
            yield f"{where}{cells.get('statement', '')}"
            usual = cells.get("usual time", "")
            told = [cells.get("why", ""), f"usually {usual}" if usual != "not known" else "", cells.get("lock", "")]
            yield f"  {'; '.join(part for part in told if part)}"
    yield from (f"note: {note}" for note in outcome.notes)
