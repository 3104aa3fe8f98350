"""Gives reports to sinks: each sink in its own thread, within its timeout, none able to stop another."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from runner.api import RetryableSinkError
from runner.clock import Clock
from runner.errors import StoreError
from runner.model.home import Home
from runner.model.problem import Announced
from runner.model.report import NOTHING_TOLD, Delivery, Told, Waiting
from runner.plugins.host import PluginHost
from runner.report.context import open_sink
from runner.report.known import after
from runner.report.queue import Fate, Pass
from runner.report.retry import Failure, failure_of
from runner.report.route import Rules, route_one
from runner.report.settle import Delivered, DeliveryStore, Settler
from runner.report.worker import Answer, Inbox, Worker

_GRACE = 1.0
"""Seconds beyond a sink's timeout: its own complaint is better than ours."""


def deliver(
    waiting: Iterable[Waiting],
    *,
    home: Home,
    host: PluginHost,
    store: DeliveryStore,
    clock: Clock,
    rules: Rules,
    stdout: Callable[[str], object],
    dry_run: bool = False,
) -> Delivered:
    """One pass over everything that waits, in the order of its recording; a sink gets its part of each report."""
    registry = host.registry()
    settler = Settler(home, host, store, clock)
    inbox: Inbox = queue.SimpleQueue()
    rounds: dict[str, _Round] = {}
    for name, items in _by_sink(waiting).items():
        settings = home.settings.sinks.get(name)
        if settings is None:
            gone = _gone(name, home)
            for item in items:
                settler(settler.delivery(item), gone)
            continue
        opener = partial(open_sink, settings, home, registry, stdout, dry_run=dry_run)
        rounds[name] = _Round(
            name, items, Worker(name=name, opener=opener, inbox=inbox), settings.timeout, settler, rules
        )
    _collect(rounds, inbox)
    return settler.delivered


def _gone(name: str, home: Home) -> Failure:
    """A mistake in runner.yaml, or a plugin that is broken today, may be mended tomorrow: then the sink is back."""
    if home.errors:
        return Failure(message="the sink cannot be used as runner.yaml has it", hint="runner validate")
    return Failure(message=f"runner.yaml has no sink `{name}` any more", permanent=True)


class _Round:
    """One sink in this pass: the queue, the thread, and what the sink knows. Only `deliver`'s own thread is in here."""

    def __init__(
        self, name: str, items: Sequence[Waiting], worker: Worker, timeout: float, settler: Settler, rules: Rules
    ) -> None:
        self._name, self._worker, self._timeout, self._settle, self._rules = name, worker, timeout, settler, rules
        self._clock = settler.clock
        self._queue = Pass(items, self._clock.now())
        self._announced: Announced | None = settler.announced(name)
        self._out: tuple[Waiting, Delivery, Told] | None = None
        self.due = 0.0

    def go_on(self) -> bool:
        """Hands the next report to the sink, or asks it to close; False when there is nothing to wait for."""
        while (item := self._queue.next()) is not None:
            try:
                delivery = self._settle.read(item)
            except StoreError as error:
                self._told(item, self._settle.delivery(item), Failure(message=error.message, hint=error.hint))
                continue
            routed = route_one(delivery.report, self._name, self._rules, self._announced)
            if routed.report is not None:
                self._out = (item, delivery, routed.told)
                self._worker.emit(routed.report)
                self._wait()
                return True
            self._told(item, delivery, None, routed.told, called=False)
        self._settle.expire(self._queue.left())
        self._wait()
        return self._worker.end()

    def heard(self, failure: Failure | None, changed: Sequence[str] = ()) -> None:
        """The sink's answer to the report that it was handed last."""
        if changed:
            self._settle.blame_sink(self._name, changed)
        if self._out is not None:
            item, delivery, told = self._out
            self._out = None
            self._told(item, delivery, failure, told)

    def late(self) -> None:
        """The sink does not answer: it is left behind, with nothing more to do."""
        if self._out is not None:
            self.heard(failure_of(RetryableSinkError(f"no answer within {self._timeout:g} s")))
            self._settle.expire(self._queue.left())

    def left(self) -> float:
        """Seconds until the sink is too late."""
        return self.due - self._clock.elapsed()

    def _wait(self) -> None:
        self.due = self._clock.elapsed() + self._timeout + _GRACE

    def _told(
        self,
        item: Waiting,
        delivery: Delivery,
        failure: Failure | None,
        told: Told = NOTHING_TOLD,
        *,
        called: bool = True,
    ) -> None:
        given_up = self._settle(delivery, failure, told)
        if failure is not None:
            self._queue.tell(item, Fate.GIVEN_UP if given_up else Fate.FAILED)
            return
        self._queue.tell(item, Fate.ARRIVED if called else Fate.NOTHING_TO_TELL)
        if self._announced is not None:
            self._announced = after(self._announced, told)


def _collect(rounds: dict[str, _Round], inbox: Inbox) -> None:
    """Goes on with each sink when it answers, until each has ended or was silent for longer than its timeout."""
    active = {name: one for name, one in rounds.items() if one.go_on()}
    while active:
        first = min(active, key=lambda name: active[name].due)
        answer = _next_answer(inbox, active[first].left())
        if answer is None:
            active.pop(first).late()
            continue
        one = active.get(answer.sink)
        if one is None:
            continue
        if not answer.ended:
            one.heard(answer.failure, answer.changed)
        if answer.ended or not one.go_on():
            del active[answer.sink]


def _next_answer(inbox: Inbox, seconds: float) -> Answer | None:
    try:
        return inbox.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        return None


def _by_sink(waiting: Iterable[Waiting]) -> dict[str, list[Waiting]]:
    grouped: dict[str, list[Waiting]] = defaultdict(list)
    for item in waiting:
        grouped[item.sink].append(item)
    return grouped
