"""Gives reports to sinks: one worker thread a sink, each within its timeout, none able to stop another."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from runner.api import Fault, RetryableSinkError, Sink
from runner.clock import Clock
from runner.errors import StoreError
from runner.model.home import Home
from runner.model.report import Delivery, DeliveryState, Report
from runner.model.secret import mask
from runner.plugins.host import PluginHost
from runner.report.context import open_sink
from runner.report.retry import Failure, after_failure, after_success, failure_of
from runner.report.route import Rules, route_one

_GRACE = 1.0
"""Seconds beyond a sink's timeout: its own complaint is better than ours."""


class DeliveryStore(Protocol):
    """The part of the store that deliveries need."""

    def settle(self, delivery: Delivery) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of each delivery, and a fault for each that did not arrive."""

    settled: tuple[Delivery, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def gave_up(self) -> bool:
        return any(delivery.state is DeliveryState.FAILED for delivery in self.settled)


def deliver(
    deliveries: Iterable[Delivery],
    *,
    home: Home,
    host: PluginHost,
    store: DeliveryStore,
    clock: Clock,
    rules: Rules,
    stdout: Callable[[str], object],
    dry_run: bool = False,
) -> Delivered:
    """Tries each delivery once and settles it in the store; a sink gets its part of the report."""
    registry = host.registry()
    settle = _Settler(home, host, store, clock)
    inbox: _Inbox = queue.SimpleQueue()
    workers: dict[str, _Worker] = {}
    for name, waiting in _by_sink(deliveries).items():
        settings = home.settings.sinks.get(name)
        if settings is None:
            gone = Failure(message=f"runner.yaml has no sink `{name}` any more", permanent=True)
            for delivery in waiting:
                settle(delivery, gone)
            continue
        parts = [(delivery, route_one(delivery.report, name, rules).report) for delivery in waiting]
        opener = partial(open_sink, settings, home, registry, stdout, dry_run=dry_run)
        workers[name] = _Worker(name=name, opener=opener, parts=parts, inbox=inbox, timeout=settings.timeout)
    for worker in workers.values():
        worker.start(clock)
    _collect(workers, inbox, settle, clock)
    return Delivered(settled=tuple(settle.settled), faults=tuple(settle.faults))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a worker says: a delivery that was tried, or that it has ended."""

    sink: str
    delivery: Delivery | None
    failure: Failure | None = None


_Inbox = queue.SimpleQueue[_Answer]


@dataclass(slots=True, kw_only=True)
class _Worker:
    """One sink's thread. It is a daemon: one that hangs is left behind and cannot keep the process alive."""

    name: str
    opener: Callable[[], Sink]
    parts: list[tuple[Delivery, Report | None]]
    inbox: _Inbox
    timeout: float
    waiting: dict[str, Delivery] = field(default_factory=dict)
    due: float = 0.0

    def start(self, clock: Clock) -> None:
        self.waiting = {delivery.id: delivery for delivery, _ in self.parts}
        self.heard(clock)
        threading.Thread(target=self._work, name=f"sink {self.name}", daemon=True).start()

    def heard(self, clock: Clock) -> None:
        self.due = clock.elapsed() + self.timeout + _GRACE

    def _work(self) -> None:
        try:
            sink = self.opener()
        except (Exception, SystemExit) as error:
            failure = failure_of(error)
            for delivery, _ in self.parts:
                self.inbox.put(_Answer(self.name, delivery, failure))
        else:
            for delivery, report in self.parts:
                self.inbox.put(_Answer(self.name, delivery, _emit(sink, report)))
            _close(sink)
        self.inbox.put(_Answer(self.name, None))


def _emit(sink: Sink, report: Report | None) -> Failure | None:
    if report is None:
        return None
    try:
        sink.emit(report)
    except (Exception, SystemExit) as error:
        return failure_of(error)
    return None


def _close(sink: Sink) -> None:
    """What was emitted has arrived; a sink that cannot close changes nothing about that."""
    try:
        sink.close()
    except (Exception, SystemExit):
        return


def _collect(workers: dict[str, _Worker], inbox: _Inbox, settle: _Settler, clock: Clock) -> None:
    """Settles what the workers report, until each has ended or was silent for longer than its timeout."""
    while workers:
        first = min(workers, key=lambda name: workers[name].due)
        left = workers[first].due - clock.elapsed()
        try:
            answer = inbox.get(timeout=max(left, 0.001))
        except queue.Empty:
            late = workers.pop(first)
            failure = failure_of(RetryableSinkError(f"no answer within {late.timeout:g} s"))
            for delivery in late.waiting.values():
                settle(delivery, failure)
            continue
        worker = workers.get(answer.sink)
        if worker is None:
            continue
        worker.heard(clock)
        if answer.delivery is None:
            del workers[answer.sink]
        else:
            del worker.waiting[answer.delivery.id]
            settle(answer.delivery, answer.failure)


class _Settler:
    """Keeps what became of a delivery and tells the plugins; secrets are masked before anything is kept."""

    def __init__(self, home: Home, host: PluginHost, store: DeliveryStore, clock: Clock) -> None:
        self._home, self._host, self._store, self._clock = home, host, store, clock
        self.settled: list[Delivery] = []
        self.faults: list[Fault] = []

    def __call__(self, delivery: Delivery, failure: Failure | None) -> None:
        if failure is None:
            settled = after_success(delivery)
        else:
            failure = replace(failure, message=self._masked(failure.message), hint=self._masked(failure.hint))
            settled = after_failure(delivery, failure, self._clock.now())
            self.faults.append(_fault(settled, failure))
        self.settled.append(settled)
        try:
            self._store.settle(settled)
        except StoreError as error:
            self.faults.append(Fault(where="store", message=error.message, hint=error.hint))
        self.faults.extend(self._host.notify("runner_delivery_finished", delivery=settled))

    def _masked(self, text: str) -> str:
        return mask(text, self._home.secrets)


def _fault(delivery: Delivery, failure: Failure) -> Fault:
    what = f"report {delivery.report.id}"
    if delivery.state is DeliveryState.FAILED:
        tries = f"{delivery.attempts} {'try' if delivery.attempts == 1 else 'tries'}"
        message = f"{what} was given up after {tries}: {failure.message}"
    else:
        message = f"{what} did not arrive, next try {delivery.next_try:%Y-%m-%d %H:%M} UTC: {failure.message}"
    return Fault(where=f"sink {delivery.sink}", message=message, hint=failure.hint)


def _by_sink(deliveries: Iterable[Delivery]) -> dict[str, list[Delivery]]:
    grouped: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        grouped[delivery.sink].append(delivery)
    return grouped
