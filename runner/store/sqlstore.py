"""The store in a database: each method is one transaction of SQL that every kind of database understands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Concatenate, Self

from runner import crashpoints
from runner.errors import StoreError
from runner.model.history import Backlog, HistoryNeed, Past, Sample, Seen, Series
from runner.model.home import Silence
from runner.model.problem import Acknowledgement, Announced, Identity, Memory, Problem, Transition
from runner.model.report import NOTHING_TOLD, Delivery, Report, Told, Waiting
from runner.model.result import Result
from runner.store import (
    announced,
    cursors,
    deliveries,
    past,
    problems,
    reports,
    results,
    runs,
    samples,
    silences,
    sweeps,
    upkeep,
)
from runner.store.base import Claim, CursorRecord, Decision, Pruned, Recorded, RunRecord, Status, Sweep, TickRecord
from runner.store.database import Database
from runner.store.engine import Engine, P, T
from runner.store.pruning import Keep, Progress, Pruning


class SqlStore:
    """Implements `Store` on an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _commit(
        self, point: str, work: Callable[Concatenate[Database, P], T], /, *args: P.args, **named: P.kwargs
    ) -> T:
        """One writing transaction, with a moment to die on each side of it."""
        crashpoints.reached(f"before-{point}")
        result = self._engine.write(work, *args, **named)
        crashpoints.reached(f"after-{point}")
        return result

    @property
    def durable(self) -> bool:
        return self._engine.durable

    # ---- who is alive

    def hold(self, name: str) -> AbstractContextManager[object]:
        return self._engine.hold(name)

    def is_held(self, name: str) -> bool:
        return self._engine.is_held(name)

    # ---- slots and runs

    def cursors(self) -> Mapping[tuple[str, str], CursorRecord]:
        return self._engine.read(cursors.read_cursors)

    def anchor(self, job: str, target: str, slot: datetime, digest: str, now: datetime) -> None:
        self._commit("anchor", cursors.set_cursor, (job, target), slot, digest, now)

    def claim(self, *claims: Claim) -> frozenset[str]:
        return self._commit("claim", runs.claim_runs, claims) if claims else frozenset()

    def decide(
        self,
        *,
        job: str,
        kind: str,
        group: str,
        target: str,
        slot: datetime,
        status: Decision,
        reason: str,
        now: datetime,
        digest: str = "",
        slots: int = 1,
        since: datetime | None = None,
    ) -> bool:
        return self._commit(
            "decide" if since is None else "passed",
            runs.decide_slot,
            status,
            reason,
            job=job,
            kind=kind,
            group=group,
            target=target,
            slot=slot,
            now=now,
            digest=digest,
            slots=slots,
            since=since,
        )

    def retire(self, job: str, target: str, now: datetime) -> bool:
        return self._commit("retire", cursors.retire_cursor, (job, target), now)

    def take_over(self, run: str, reason: str, claim: Claim) -> bool:
        return self._commit("take-over", runs.take_over_run, run, reason, claim)

    def slot(self, job: str, target: str, slot: datetime) -> RunRecord | None:
        return self._engine.read(runs.newest_attempt, job, target, slot)

    def slots(self, slot: datetime) -> Mapping[tuple[str, str], RunRecord]:
        return self._engine.read(runs.newest_attempts, slot)

    def running(self) -> tuple[RunRecord, ...]:
        return self._engine.read(runs.running_runs)

    def interrupt(self, run: str, reason: str, now: datetime) -> bool:
        return self._commit("interrupt", runs.interrupt_run, run, reason, now)

    def begin(self, claimed: Collection[str], wave: str, tick: str) -> frozenset[str]:
        return self._engine.write(runs.begin_runs, claimed, wave, tick)

    def put_off(self, claimed: Collection[str], wave: str, reason: str) -> None:
        self._engine.write(runs.put_off_runs, claimed, wave, reason)

    def runs(
        self,
        job: str | None = None,
        *,
        group: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[RunRecord, ...]:
        return self._engine.read(runs.list_runs, limit, job=job, group=group, status=status, since=since)

    def run_statistics(self, since: datetime) -> Sequence[Mapping[str, object]]:
        return self._engine.read(runs.statistics_of_runs, since)

    def seen(self) -> Mapping[tuple[str, str], Seen]:
        return self._engine.read(cursors.read_seen)

    def backlog(self) -> Sequence[Backlog]:
        return self._engine.read(deliveries.read_backlog)

    # ---- results, problems and samples

    def record(
        self,
        results: Sequence[Recorded],
        *,
        report: Report | None,
        deliveries: Sequence[tuple[str, datetime]],
        now: datetime,
    ) -> None:
        if deliveries and report is None:
            raise StoreError("deliveries cannot be recorded without a report")
        self._commit("record" if report is None else "report", _record, results, report, deliveries, now)

    def record_in_wave(
        self,
        results: Sequence[Recorded],
        *,
        wave: str,
        group: str,
        report: Callable[[Sequence[Result]], tuple[Report, Sequence[tuple[str, datetime]]]],
        now: datetime,
    ) -> Report | None:
        return self._commit("record", _record_in_wave, results, wave, group, report, now)

    def unreported(self, alive: Collection[str] = ()) -> tuple[Result, ...]:
        return self._engine.read(results.unreported_results, alive)

    def reporting(self) -> frozenset[str]:
        return self._engine.read(results.ticks_that_report)

    def adopt(self, tick: str, alive: Collection[str]) -> tuple[Result, ...]:
        return self._commit("adopt", results.adopt_results, tick, alive)

    def latest(self, job: str | None = None) -> tuple[Result, ...]:
        return self._engine.read(results.latest_results, job)

    def memory(self, job: str, target: str) -> Memory:
        return self._engine.read(problems.read_memory, job, target)

    def problems(self, *, open_only: bool = True) -> tuple[Problem, ...]:
        return self._engine.read(problems.read_problems, open_only=open_only)

    def transitions(
        self, job: str | None = None, since: datetime | None = None, limit: int = 50
    ) -> tuple[Transition, ...]:
        return self._engine.read(problems.read_transitions, job, since, limit)

    def past(self, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime) -> Past:
        return self._engine.read(past.read_past, job, target, tuple(needs), now)

    def trend(self, job: str, target: str, column: str, since: datetime) -> Mapping[Series, tuple[Sample, ...]]:
        return self._engine.read(past.read_trend, job, target, column, since)

    def series(self, job: str, target: str, since: datetime) -> frozenset[Series]:
        return self._engine.read(past.read_series, job, target, since)

    def sweeps(self, job: str, target: str, since: datetime) -> Iterator[Sweep]:
        for place in self._engine.read(sweeps.read_places, job, target, since):
            yield self._engine.read(sweeps.read_sweep, place)

    # ---- deliveries

    def pending(self) -> tuple[Waiting, ...]:
        return self._engine.read(deliveries.waiting_deliveries)

    def pending_count(self) -> int:
        return self._engine.read(deliveries.count_pending)

    def failed_deliveries(self) -> tuple[Delivery, ...]:
        return self._engine.read(deliveries.failed_deliveries)

    def report(self, report_id: str) -> Report:
        return self._engine.read(reports.read_report, report_id)

    def settle(self, delivery: Delivery, told: Told = NOTHING_TOLD) -> None:
        self._commit("settle", deliveries.settle_delivery, delivery, told)

    # ---- what is known of problems, and silences

    def announced(self, sink: str) -> Announced:
        return self._engine.read(announced.read_announced, sink)

    def acknowledge(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        self._engine.write(announced.write_acknowledged, tuple(acknowledgements))

    def acknowledged(self, now: datetime) -> tuple[Acknowledgement, ...]:
        return self._engine.read(announced.read_acknowledged, now)

    def unacknowledge(self, identities: Iterable[Identity]) -> None:
        self._engine.write(announced.remove_acknowledged, tuple(identities))

    def add_silence(self, silence: Silence, now: datetime) -> str:
        return self._engine.write(silences.add_silence, silence, now)

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        return self._engine.read(silences.read_silences, now)

    def remove_silences(self, ids: Iterable[str]) -> None:
        self._engine.write(silences.remove_silences, tuple(ids))

    # ---- upkeep

    def tick(self, tick_id: str, now: datetime, counts: Mapping[str, int] | None = None) -> None:
        self._commit("tick", upkeep.write_tick, tick_id, now, counts or {})

    def last_tick(self) -> TickRecord | None:
        return self._engine.read(upkeep.read_tick)

    def prune(
        self,
        now: datetime,
        keep_samples: float,
        keep_runs: float,
        *,
        keep_hourly: float | None = None,
        keep_daily: float | None = None,
    ) -> Pruned | None:
        if not self._engine.read(upkeep.prune_is_due, now):
            return None
        hourly = keep_samples if keep_hourly is None else keep_hourly
        daily = hourly if keep_daily is None else keep_daily
        pruning = Pruning(now, Keep(samples=keep_samples, hourly=hourly, daily=daily, runs=keep_runs))
        progress = Progress()
        while pruning.goes_on(progress):
            progress = self._commit("prune-step", pruning.step, progress)
        if pruning.is_finished(progress):
            self._commit("prune-done", upkeep.prune_is_done, now)
            self._commit("prune-forget", _forget, now - timedelta(seconds=keep_runs))
            self._engine.tidy()
        return pruning.pruned(progress)

    def close(self) -> None:
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _record(
    db: Database,
    recorded: Sequence[Recorded],
    report: Report | None,
    sinks: Sequence[tuple[str, datetime]],
    now: datetime,
) -> None:
    written = {item.result.run: _record_one(db, item) for item in recorded}
    if report is not None:
        reports.write_report(db, report, {item.result.run: item.result for item in recorded}, written)
        deliveries.add_deliveries(db, report, sinks, now)


def _record_in_wave(
    db: Database,
    recorded: Sequence[Recorded],
    wave: str,
    group: str,
    report: Callable[[Sequence[Result]], tuple[Report, Sequence[tuple[str, datetime]]]],
    now: datetime,
) -> Report | None:
    for item in recorded:
        _record_one(db, item)
    found = results.results_of_wave(db, wave, group)
    if not found:
        return None
    told, sinks = report(found)
    reports.write_report(db, told, {result.run: result for result in found})
    deliveries.add_deliveries(db, told, sinks, now)
    return told


def _record_one(db: Database, recorded: Recorded) -> Any:
    """The result as plain data, as it was kept."""
    result = recorded.result
    number = runs.finish_run(db, result)
    written = results.write_result(db, number, result)
    samples.write_samples(db, number, result)
    problems.replace_problems(db, result.job, result.target, recorded.problems.values())
    problems.add_transitions(db, result.transitions)
    announced.end_acknowledged(db, result.job, result.target)
    return written


def _forget(db: Database, before: datetime) -> None:
    announced.forget_known(db, before)
    silences.forget_silences(db, before)
