"""`runner doctor`: what keeps the jobs from working, each with what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from runner.api import Advice, DoctorContext, ServerFacts, Target, TargetError
from runner.app.grants import grants
from runner.app.loading import Loaded
from runner.app.plan import refused, without_target
from runner.clock import Clock
from runner.engine.database.server import Server
from runner.errors import RunnerError, StoreError
from runner.model.home import Home
from runner.model.quantity import counted, show_duration
from runner.plugins.registry import resolve
from runner.report.context import open_sink
from runner.store.address import is_postgres
from runner.store.open import open_store, same_database, shown_url, store_path
from runner.store.salvage import Repaired, examine, repair

OLDEST, NEWEST = 14, 18
_UNATTENDED = 300.0
"""Seconds within which a worker should have begun what was handed out."""
_LATE = 180.0
"""Seconds after which the last tick is too long ago for a cron line of every minute."""


def doctor(loaded: Loaded, clock: Clock, *, connect: bool = True) -> Iterator[Advice]:
    """One advice after the other, so that a slow server does not hide what is known already."""
    yield from _home(loaded)
    yield from _store(loaded, clock)
    yield from _programs(loaded)
    yield from _sinks(loaded)
    yield from _plugins(loaded)
    yield from _sources(loaded)
    yield from _executor(loaded, clock)
    for target in loaded.home.targets.values() if connect else ():
        yield from _target(loaded, target)


def _home(loaded: Loaded) -> Iterator[Advice]:
    home = loaded.home
    errors = len(home.errors)
    where = f"home {home.path}: {counted(len(home.jobs), 'job')} in {counted(len({job.group for job in home.jobs}), 'group')}"
    yield Advice(
        good=not errors,
        message=f"{where}{f', {errors} errors' if errors else ''}",
        hint="runner validate shows them" if errors else "",
    )
    for job in without_target(loaded):
        yield Advice(
            good=False,
            message=f"{job.name} never runs: no target fits its `targets:`",
            hint=f"runner show {job.name} --origin; the targets are: {', '.join(home.targets)}",
        )


def _store(loaded: Loaded, clock: Clock) -> Iterator[Advice]:
    home = loaded.home
    try:
        with open_store(home.settings.state, home.path) as store:
            tick, failed, waiting = store.last_tick(), store.failed_deliveries(), store.pending_count()
    except StoreError as error:
        yield Advice(good=False, message=error.message, hint=error.hint)
        return
    yield from _soundness(home)
    yield from _watched(home)
    yield _last_tick(home.state_dir, tick.at.timestamp() if tick else None, clock)
    if failed:
        newest = failed[-1]
        yield Advice(
            good=False,
            message=f"{len(failed)} deliveries were given up, the newest to {newest.sink}: {newest.error}",
            hint=f"mend the sink {newest.sink} in runner.yaml; the reports are in `runner history`",
        )
    if waiting:
        yield Advice(
            good=False, message=f"{waiting} deliveries wait for another try", hint="runner run-due tries again"
        )


def _executor(loaded: Loaded, clock: Clock) -> Iterator[Advice]:
    """Whether runs can be handed out, and whether somebody takes them."""
    home = loaded.home
    if home.settings.executor is None:
        return
    from runner.app.executors import hands_of

    hands = hands_of(loaded)
    try:
        if hands:
            hands.held(())
        with open_store(home.settings.state, home.path) as store:
            waiting = [run for run in store.running() if run.waits]
    except RunnerError as error:
        yield Advice(good=False, message=f"executor {home.settings.executor.type}: {error.message}", hint=error.hint)
        return
    finally:
        if hands:
            hands.close()
    yield Advice(good=True, message=f"executor {home.settings.executor.type}: runs can be handed out")
    waited = max(((clock.now() - run.started).total_seconds() for run in waiting if run.started), default=0.0)
    if waited > _UNATTENDED:
        reasons = sorted({run.reason for run in waiting if run.reason})
        yield Advice(
            good=False,
            message=f"{counted(len(waiting), 'run')} waited for a worker for up to {show_duration(waited)}"
            + (f": {reasons[0]}" if reasons else ""),
            hint="start workers (runner worker) for every queue, with the same home",
        )


def _watched(home: Home) -> Iterator[Advice]:
    """A store in a database that it watches is away exactly when there is something to tell."""
    for target in home.targets.values():
        if same_database(home.settings.state, target):
            yield Advice(
                good=False,
                message=f"the store is in the database of target {target.name}: when that fails, its history is away too",
                hint="give `state:` in runner.yaml a database on another server, or an SQLite file",
            )


def _soundness(home: Home) -> Iterator[Advice]:
    """That it could be opened says nothing of what is further inside."""
    url = home.settings.state
    try:
        complaints = () if is_postgres(url) else examine(store_path(url, home.path))
    except StoreError as error:
        yield Advice(good=False, message=error.message, hint=error.hint)
        return
    if not complaints:
        yield Advice(good=True, message=f"store {shown_url(url)} can be read and written")
        return
    yield Advice(
        good=False,
        message=f"store {shown_url(url)} is damaged: {complaints[0]}",
        hint="runner doctor --repair saves what can be read and keeps the old file aside",
    )


def repair_store(home: Home, clock: Clock) -> Repaired:
    """Saves what can be read of a damaged store; a sound one stays as it is. Raises StoreError."""
    url = home.settings.state
    if is_postgres(url):
        raise StoreError(
            f"the store {shown_url(url)} is in PostgreSQL, which repairs no file of ours",
            hint="a damaged database is restored from its backup",
        )
    return repair(store_path(url, home.path), clock.now())


def _last_tick(state_dir: Path, recorded: float | None, clock: Clock) -> Advice:
    beat = state_dir / "heartbeat"
    seen = max([recorded or 0.0, beat.stat().st_mtime if beat.exists() else 0.0])
    late = clock.now().timestamp() - seen
    if not seen:
        return Advice(good=False, message="run-due was never called", hint="runner crontab install")
    ago = show_duration(max(0.0, late))
    return Advice(
        good=late < _LATE,
        message=f"the last tick was {ago} ago",
        hint="" if late < _LATE else "look whether cron runs: runner crontab show; crontab -l",
    )


def _programs(loaded: Loaded) -> Iterator[Advice]:
    for job in loaded.home.jobs:
        if not loaded.registry.kinds[job.kind].starts_programs:
            continue
        if reason := refused(loaded, job):
            yield Advice(good=False, message=f"{job.name} will not run", hint=reason)
        words = getattr(job.spec, "words", ())
        if words and not shutil.which(words[0]):
            yield Advice(
                good=False,
                message=f"{job.name}: the program `{words[0]}` is not on the PATH ({os.environ.get('PATH', '')})",
                hint="install it, or write its whole path in `run:`; cron's PATH is /usr/bin:/bin",
            )


def _sinks(loaded: Loaded) -> Iterator[Advice]:
    for name, settings in loaded.home.settings.sinks.items():
        try:
            sink = open_sink(settings, loaded.home, loaded.registry, lambda _: None, dry_run=True)
            check = getattr(sink, "check", None)
            if callable(check):
                check()
            sink.close()
        except RunnerError as error:
            yield Advice(good=False, message=f"sink {name}: {error.message}", hint=error.hint)
        else:
            yield Advice(good=True, message=f"sink {name} ({settings.type}) can be used")


def _plugins(loaded: Loaded) -> Iterator[Advice]:
    for fault in loaded.host.faults:
        yield Advice(good=False, message=f"{fault.where}: {fault.message}", hint=fault.hint)
    context = DoctorContext(home=loaded.home.path, state_dir=loaded.home.state_dir)
    for check in loaded.registry.doctor_checks.values():
        try:
            yield from resolve(check.run)(context)
        except Exception as error:
            yield Advice(good=False, message=f"the doctor check {check.name} failed: {type(error).__name__}: {error}")


def _sources(loaded: Loaded) -> Iterator[Advice]:
    for fault in loaded.faults:
        yield Advice(good=False, message=f"{fault.where}: {fault.message}", hint=fault.hint)
    for state in loaded.home.inventory:
        if not state.trouble and state.read:
            said = f"targets of {state.name}: {counted(len(state.targets), 'target')}"
            yield Advice(good=True, message=f"{said}, read at {state.read:%Y-%m-%d %H:%M} UTC")


def _target(loaded: Loaded, target: Target) -> Iterator[Advice]:
    server = Server(target, lock_timeout=loaded.home.settings.lock_timeout)
    try:
        facts = server.facts
        if isinstance(facts, TargetError):
            yield Advice(good=False, message=f"target {target.name}: {facts.message}", hint=facts.hint)
            return
        yield _version(target, facts)
        jobs = [job for job in loaded.home.jobs if job.targets.admits(target)]
        yield from grants(loaded, target, server, facts, jobs)
    finally:
        server.close()


def _version(target: Target, facts: ServerFacts) -> Advice:
    what = f"target {target.name} ({target.address}): PostgreSQL {facts.major}.{facts.version % 10000}, {facts.role}"
    if facts.major < OLDEST:
        return Advice(
            good=False, message=what, hint=f"PostgreSQL {OLDEST} to {NEWEST} are supported; upgrade the server"
        )
    return Advice(good=True, message=f"{what}, as {facts.user}{' (superuser)' if facts.superuser else ''}")
