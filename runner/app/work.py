"""`runner worker`: performs the batches that ticks handed out, with the engine, limits and timeouts of a local tick."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from runner.api import Batch, HandedRun, Job, PutOff, Report, Result, RunnerError
from runner.app.courier import Courier
from runner.app.current import Current, Reading
from runner.app.executors import queues_of
from runner.app.loading import Loaded
from runner.app.runs import Manner, next_slot_of, send_waiting, wishes_of
from runner.clock import Clock, sleep
from runner.engine.claims import Claimed
from runner.engine.due import LATE_AFTER
from runner.engine.gather import Gatherer
from runner.engine.tick import Surroundings, Tick
from runner.model.quantity import counted, show_duration
from runner.model.secret import mask
from runner.model.target import HOST
from runner.plugins.registry import describe
from runner.records import dataclass
from runner.report.route import rules_of
from runner.report.settle import Delivered
from runner.schedule import in_window, window_in_words
from runner.store.base import Store

ANOTHER_TRY = 30.0
"""Seconds after which a batch that was refused is offered again."""
_SOON = 5.0
_CANCEL_AGAIN = 0.5


@dataclass(frozen=True, slots=True)
class _Place:
    """A tick's id of this worker with the lock that says that it lives; batches use it one after the other."""

    tick: str
    held: ExitStack


class Worker:
    """The WorkContext of one process. `stop` lets it finish what it performs, `cancel` ends that on the servers."""

    def __init__(
        self,
        current: Current,
        store: Store,
        clock: Clock,
        manner: Manner,
        *,
        queues: Sequence[str] | None = None,
        jobs: int = 1,
        once: bool = False,
    ) -> None:
        self.jobs, self.once = jobs, once
        self._queues = queues
        self._current, self._store, self._clock, self._manner = current, store, clock, manner
        self._stop = threading.Event()
        self._cancelled = threading.Event()
        self._calls: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._idle: list[_Place] = []
        self._ticks: set[Tick] = set()
        self._courier = Courier(self._send)
        self.done = 0

    # ---- for the executor

    @property
    def queues(self) -> Sequence[str]:
        if self._queues is not None:
            return self._queues
        home = self._current.get().loaded.home
        # Targets that stand elsewhere may have other labels now, and no file tells it.
        return queues_of(self._current.get(anew=True).loaded.home if home.settings.targets_from else home)

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def on_stop(self, call: Callable[[], object]) -> None:
        self._calls.append(call)
        if self.stopping:
            call()

    def tell(self, text: str) -> None:
        self._manner.tell(mask(text, self._current.get().loaded.home.secrets))

    def perform(self, batch: Batch) -> PutOff | None:
        try:
            reading = self._reading_for(batch)
            if reason := _against(reading, batch):
                return self._refuse(batch, reason)
            return self._begin(reading.loaded, batch)
        except RunnerError as error:
            self.tell(f"{_shown(batch)} could not be performed: {error.message}")
            return PutOff(reason=error.message, seconds=_SOON)
        except Exception as error:
            # The next tick finds what was begun.
            self.tell(f"{_shown(batch)} could not be performed: {describe(error)}")
            return None

    # ---- for who runs the worker

    def stop(self) -> None:
        """Nothing new is begun. May be called from the handler of a signal."""
        self._stop.set()
        for call in tuple(self._calls):
            call()

    def cancel(self) -> None:
        """Ends also what is performed; each run is told as ended by us. May be called from the handler of a signal."""
        if not self._cancelled.is_set():
            self._cancelled.set()
            threading.Thread(target=self._cancel_all, name="runner-cancel", daemon=True).start()

    def close(self) -> None:
        """Delivers what waits and lets go of all locks."""
        try:
            self._courier.finish()
        finally:
            for place in self._idle:
                place.held.close()
            self._idle.clear()

    # ---- one batch

    def _reading_for(self, batch: Batch) -> Reading:
        reading = self._current.get()
        return self._current.get(anew=True) if _against(reading, batch) else reading

    def _refuse(self, batch: Batch, reason: str) -> PutOff:
        self._store.put_off([each.run for each in batch.runs], batch.wave, reason)
        self.tell(f"{_shown(batch)} is not begun here: {reason}")
        return PutOff(reason=reason, seconds=ANOTHER_TRY)

    def _begin(self, loaded: Loaded, batch: Batch) -> PutOff | None:
        with self._place() as tick:
            won = self._store.begin([each.run for each in batch.runs], batch.wave, tick)
            mine = [each for each in batch.runs if each.run in won]
            if mine:
                now = self._clock.now()
                jobs = {job.name: job for job in loaded.home.jobs}
                self._perform(loaded, batch, [_claimed(jobs[each.job], each, now) for each in mine])
                self.done += len(mine)
                return None
        return self._still_performed(batch)

    def _still_performed(self, batch: Batch) -> PutOff | None:
        """A batch that came twice: while another worker is at it, nothing else of its kind is begun on the server."""
        runs = {each.run for each in batch.runs}
        ticks = {run.tick for run in self._store.running() if run.run in runs and not run.waits}
        if any(self._store.is_held(tick) for tick in ticks):
            return PutOff(reason="another worker performs it", seconds=_SOON, holds=True)
        return None

    def _perform(self, loaded: Loaded, batch: Batch, claims: Sequence[Claimed]) -> None:
        home, host = loaded.home, loaded.host

        def published(report: Report) -> None:
            host.notify("runner_report_ready", report=report)
            self._courier.wake()

        rules = rules_of(home, loaded.registry.changes_only)
        gatherer = Gatherer(
            home,
            self._store,
            self._clock,
            batch.wave,
            wishes_of(rules, self._manner),
            next_slot_of(loaded, self._clock),
            published,
        )
        gatherer.blame((*host.faults, *loaded.faults))

        def tell_plugins(result: Result) -> None:
            host.notify("runner_result_ready", result=result)

        around = Surroundings(
            home=home, registry=loaded.registry, store=self._store, clock=self._clock, publisher=gatherer,
            result_ready=tell_plugins, broke=host.broke,
        )  # fmt: skip
        tick = Tick(around)
        with self._lock:
            self._ticks.add(tick)
        try:
            tick.run(claims)
            gatherer.close()
        finally:
            with self._lock:
                self._ticks.discard(tick)

    @contextmanager
    def _place(self) -> Iterator[str]:
        """A place that fails is given up: then its lock says that nobody works at what it had begun."""
        with self._lock:
            place = self._idle.pop() if self._idle else None
        place = place or self._new_place()
        try:
            yield place.tick
        except BaseException:
            place.held.close()
            raise
        with self._lock:
            self._idle.append(place)

    def _new_place(self) -> _Place:
        place = _Place(uuid.uuid4().hex, ExitStack())
        place.held.enter_context(self._store.hold(place.tick))
        return place

    def _cancel_all(self) -> None:
        """One cancel ends one statement; the next may have begun meanwhile."""
        while True:
            with self._lock:
                ticks = tuple(self._ticks)
            for tick in ticks:
                tick.stop()
            sleep(_CANCEL_AGAIN, self._clock, lambda: False)

    def _send(self) -> Sequence[Delivered]:
        """Faults are told here and not gathered: a worker may live for months."""
        loaded = self._current.get().loaded
        for done in send_waiting(loaded, (self._store,), self._clock, self._manner):
            for fault in done.faults:
                self.tell(f"{fault.where}: {fault.message}")
        return ()


def _against(reading: Reading, batch: Batch) -> str:
    """Why the batch must not be begun with this home."""
    if reading.version != batch.version:
        return f"this worker has version {reading.version} of the home, the runs are of version {batch.version}"
    jobs = {job.name: job for job in reading.loaded.home.jobs}
    for each in batch.runs:
        job = jobs.get(each.job)
        if job is None:
            return f"this worker cannot use the job `{each.job}`"
        target = reading.loaded.home.targets.get(each.target)
        if each.target != HOST and (target is None or not job.targets.admits(target)):
            return f"this worker does not know the target `{each.target}`"
    return ""


def _claimed(job: Job, each: HandedRun, now: datetime) -> Claimed:
    over = job.window is not None and not in_window(job.window, now)
    waited = max(now - each.slot, timedelta())
    late = each.late or (f"began {show_duration(waited.total_seconds())} late" if waited > LATE_AFTER else "")
    return Claimed(
        run=each.run, job=job, target=each.target, slot=each.slot, attempt=each.attempt, late=late,
        refused=f"a worker was free only when its window {window_in_words(job.window)} was over" if over and job.window else "",
    )  # fmt: skip


def _shown(batch: Batch) -> str:
    jobs = sorted({each.job for each in batch.runs})
    names = jobs[0] if len(jobs) == 1 else counted(len(jobs), "job")
    return f"{counted(len(batch.runs), 'run')} ({names}) on {batch.server}"
