"""The store in one SQLite file: each method is one transaction on one connection, behind one lock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.collector import many_objects
from runner.errors import StoreError
from runner.model.history import HistoryNeed, Past, Sample, Seen, Series
from runner.model.problem import Memory, Problem, Transition
from runner.model.report import Delivery, Report
from runner.model.result import Result
from runner.store import cursors, deliveries, past, problems, reports, results, runs, samples, sweeps, upkeep
from runner.store.base import Claim, CursorRecord, Decision, Pruned, Recorded, RunRecord, Status, Sweep, TickRecord
from runner.store.connection import connect, connect_to_memory, sentences, transaction
from runner.store.processlock import ProcessLock, is_held, remove_dead


class SqliteStore:
    """Implements `Store`. The file is in WAL mode: readers and the one writer do not wait for each other."""

    def __init__(self, path: Path | None) -> None:
        """Opens or makes the file; without a path everything stays in memory."""
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = connect(path) if path else connect_to_memory()

    @property
    def durable(self) -> bool:
        return self._path is not None

    # ---- who is alive

    def hold(self, name: str) -> AbstractContextManager[object]:
        return ProcessLock(self._path.parent, name) if self._path else nullcontext()

    def is_held(self, name: str) -> bool:
        return self._path is not None and is_held(self._path.parent, name)

    # ---- slots and runs

    def cursors(self) -> Mapping[tuple[str, str], CursorRecord]:
        with self._reading() as connection:
            return cursors.read_cursors(connection)

    def anchor(self, job: str, target: str, slot: datetime, digest: str, now: datetime) -> None:
        with self._writing() as connection:
            cursors.set_cursor(connection, (job, target), slot, digest, now)

    def claim(self, claim: Claim) -> bool:
        with self._writing() as connection:
            return runs.claim_run(connection, claim)

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
    ) -> bool:
        with self._writing() as connection:
            return runs.decide_slot(
                connection,
                status,
                reason,
                job=job,
                kind=kind,
                group=group,
                target=target,
                slot=slot,
                now=now,
                digest=digest,
            )

    def running(self) -> tuple[RunRecord, ...]:
        with self._reading() as connection:
            return runs.running_runs(connection)

    def interrupt(self, run: str, reason: str, now: datetime) -> bool:
        with self._writing() as connection:
            return runs.interrupt_run(connection, run, reason, now)

    def runs(
        self,
        job: str | None = None,
        *,
        group: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[RunRecord, ...]:
        with self._reading() as connection:
            return runs.list_runs(connection, limit, job=job, group=group, status=status, since=since)

    def run_statistics(self, since: datetime) -> Sequence[Mapping[str, object]]:
        with self._reading() as connection:
            return runs.statistics_of_runs(connection, since)

    def seen(self) -> Mapping[tuple[str, str], Seen]:
        return {key: Seen(first=cursor.first_seen, slot=cursor.slot) for key, cursor in self.cursors().items()}

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
        with self._writing() as connection:
            for recorded in results:
                _record_one(connection, recorded)
            if report is not None:
                _record_report(connection, report, results, deliveries, now)

    def unreported(self) -> tuple[Result, ...]:
        with self._reading() as connection:
            return results.unreported_results(connection)

    def latest(self, job: str | None = None) -> tuple[Result, ...]:
        with self._reading() as connection:
            return results.latest_results(connection, job)

    def memory(self, job: str, target: str) -> Memory:
        with self._reading() as connection:
            return problems.read_memory(connection, job, target)

    def problems(self, *, open_only: bool = True) -> tuple[Problem, ...]:
        with self._reading() as connection:
            return problems.read_problems(connection, open_only=open_only)

    def transitions(
        self, job: str | None = None, since: datetime | None = None, limit: int = 50
    ) -> tuple[Transition, ...]:
        with self._reading() as connection:
            return problems.read_transitions(connection, job, since, limit)

    def past(self, job: str, target: str, needs: Iterable[HistoryNeed], now: datetime) -> Past:
        with self._reading() as connection:
            return past.read_past(connection, job, target, needs, now)

    def trend(self, job: str, target: str, column: str, since: datetime) -> Mapping[Series, tuple[Sample, ...]]:
        with self._reading() as connection:
            return past.read_trend(connection, job, target, column, since)

    def series(self, job: str, target: str, since: datetime) -> frozenset[Series]:
        with self._reading() as connection:
            return past.read_series(connection, job, target, since)

    def sweeps(self, job: str, target: str, since: datetime) -> Iterator[Sweep]:
        with self._reading() as connection:
            places = sweeps.read_places(connection, job, target, since)
        for place in places:
            with self._reading() as connection:
                sweep = sweeps.read_sweep(connection, place)
            yield sweep

    # ---- deliveries

    def pending(self, now: datetime) -> tuple[Delivery, ...]:
        with self._reading() as connection:
            return deliveries.due_deliveries(connection, now)

    def pending_count(self) -> int:
        with self._reading() as connection:
            return deliveries.count_pending(connection)

    def failed_deliveries(self) -> tuple[Delivery, ...]:
        with self._reading() as connection:
            return deliveries.failed_deliveries(connection)

    def settle(self, delivery: Delivery) -> None:
        with self._writing() as connection:
            deliveries.settle_delivery(connection, delivery)

    # ---- upkeep

    def tick(self, tick_id: str, now: datetime, counts: Mapping[str, int] | None = None) -> None:
        with self._writing() as connection:
            upkeep.write_tick(connection, tick_id, now, counts or {})

    def last_tick(self) -> TickRecord | None:
        with self._reading() as connection:
            return upkeep.read_tick(connection)

    def prune(self, now: datetime, keep_samples: float, keep_runs: float) -> Pruned | None:
        with self._writing() as connection:
            pruned = upkeep.prune_all(connection, now, keep_samples, keep_runs)
        if pruned and self._path:
            remove_dead(self._path.parent)
        return pruned

    def close(self) -> None:
        with self._lock, sentences(self._path):
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._transaction("deferred")

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._transaction("immediate")

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        with self._lock, sentences(self._path):
            if self._connection is None:
                raise StoreError("the store is closed")
            with many_objects(), transaction(self._connection, kind) as connection:
                yield connection


def _record_one(connection: sqlite3.Connection, recorded: Recorded) -> None:
    result = recorded.result
    number = runs.finish_run(connection, result)
    results.write_result(connection, number, result)
    samples.write_samples(connection, number, result)
    problems.replace_problems(connection, result.job, result.target, recorded.problems.values())
    problems.add_transitions(connection, result.transitions)


def _record_report(
    connection: sqlite3.Connection,
    report: Report,
    recorded: Sequence[Recorded],
    sinks: Sequence[tuple[str, datetime]],
    now: datetime,
) -> None:
    reports.write_report(connection, report, {item.result.run: item.result for item in recorded})
    deliveries.add_deliveries(connection, report, sinks, now)
