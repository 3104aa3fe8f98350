"""Keeps what became of deliveries, tells plugins and the operator; secrets are masked before anything is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from runner.api import Fault
from runner.clock import Clock
from runner.errors import StoreError
from runner.model.home import Home
from runner.model.problem import Announced
from runner.model.report import NOTHING_TOLD, Delivery, DeliveryState, Report, Told, Waiting
from runner.model.secret import mask
from runner.plugins.host import PluginHost
from runner.records import dataclass
from runner.report.retry import Failure, after_expiry, after_failure, after_success, has_expired


class DeliveryStore(Protocol):
    """The part of the store that deliveries need."""

    @property
    def durable(self) -> bool: ...

    def report(self, report_id: str) -> Report: ...

    def announced(self, sink: str) -> Announced: ...

    def settle(self, delivery: Delivery, told: Told = NOTHING_TOLD) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of each delivery that was settled, and a fault for each that did not arrive."""

    settled: tuple[Delivery, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def gave_up(self) -> bool:
        return any(delivery.state is DeliveryState.FAILED for delivery in self.settled)


class Settler:
    """Gathers what one pass settles."""

    def __init__(self, home: Home, host: PluginHost, store: DeliveryStore, clock: Clock) -> None:
        self._home, self._host, self._store, self.clock = home, host, store, clock
        self._settled: list[Delivery] = []
        self._faults: list[Fault] = []

    @property
    def delivered(self) -> Delivered:
        return Delivered(settled=tuple(self._settled), faults=tuple(self._faults))

    def announced(self, sink: str) -> Announced | None:
        """What the sink was told of; None when nobody knows, as without a store that lasts."""
        if not self._store.durable:
            return None
        try:
            return self._store.announced(sink)
        except StoreError as error:
            self._blame(error)
            return None

    def read(self, item: Waiting) -> Delivery:
        """The delivery with its report; raises StoreError."""
        return item.with_report(self._store.report(item.report))

    def delivery(self, item: Waiting) -> Delivery:
        """The delivery with its report, or with an empty one where it cannot be read."""
        try:
            return self.read(item)
        except StoreError:
            now = self.clock.now()
            empty = Report(id=item.report, group=item.group, title=item.group, slot=now, created=now)
            return item.with_report(empty)

    def __call__(self, delivery: Delivery, failure: Failure | None, told: Told = NOTHING_TOLD) -> bool:
        """Settles one try; whether the delivery was given up."""
        if failure is None:
            settled = after_success(delivery)
        else:
            if failure.bug is not None:
                self._host.broke(f"sink {delivery.sink}", failure.bug)
            failure = replace(failure, message=self._masked(failure.message), hint=self._masked(failure.hint))
            settled = after_failure(delivery, failure, self.clock.now())
            self._faults.append(_fault(settled, failure))
        self._keep(settled, NOTHING_TOLD if failure else told)
        return settled.state is DeliveryState.FAILED

    def blame_sink(self, sink: str, changed: Sequence[str]) -> None:
        """A fault that names what a sink changed in the process; it is as before."""
        message = f"changed {' and '.join(changed)} while it worked; that was put back"
        self._faults.append(Fault(where=f"sink {sink}", message=message, hint="its plugin must not do that"))

    def expire(self, left: Sequence[Waiting]) -> None:
        """Gives up what still waits although its time is over: one fault for all of a sink."""
        over = [after_expiry(self.delivery(item)) for item in left if has_expired(item, self.clock.now())]
        for delivery in over:
            self._keep(delivery, NOTHING_TOLD)
        if over:
            self._faults.append(_expired(over))

    def _keep(self, settled: Delivery, told: Told) -> None:
        self._settled.append(settled)
        try:
            self._store.settle(settled, told)
        except StoreError as error:
            self._blame(error)
        self._faults.extend(self._host.notify("runner_delivery_finished", delivery=settled))

    def _blame(self, error: StoreError) -> None:
        self._faults.append(Fault(where="store", message=error.message, hint=error.hint))

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


def _expired(over: Sequence[Delivery]) -> Fault:
    first = over[0]
    what = (
        f"report {first.report.id} was"
        if len(over) == 1
        else f"{len(over):,} reports, the oldest {first.report.id}, were"
    )
    error = next((item.error for item in over if item.attempts), "")
    said = f"; the last try said: {error}" if error else ""
    return Fault(
        where=f"sink {first.sink}",
        message=f"{what} given up: the time to deliver was over before the turn came{said}",
        hint=f"runner sinks test {first.sink} sends it a report that is a test",
    )
