"""Records what one worker performs of a wave; whoever ends the last run of a group tells of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from runner.api import Report, Result
from runner.clock import Clock
from runner.engine.publish import Group, Publish, Publisher, info_of
from runner.model.home import Home
from runner.store.base import Store
from runner.store.memory import WithoutStore


class Gatherer(Publisher):
    """A publisher for a part of a wave. Without the store nothing is told: the runs are found and done again."""

    def __init__(
        self,
        home: Home,
        store: Store,
        clock: Clock,
        wave: str,
        deliveries: Publish,
        next_slot: Callable[[str], datetime | None],
        published: Callable[[Report], None],
    ) -> None:
        super().__init__(home, store, WithoutStore, clock, deliveries, next_slot, published)
        self._wave = wave

    def _publish(self, name: str, group: Group) -> None:
        """Raises StoreError, and then the runs stay recorded as running."""
        report = self._store.record_in_wave(
            group.unrecorded,
            wave=self._wave,
            group=name,
            report=lambda results: self._told(name, results),
            now=self._clock.now(),
        )
        group.results, group.unrecorded = [], []
        if report is not None:
            self.reports.append(report)
            self._published(report)

    def _told(self, name: str, results: Sequence[Result]) -> tuple[Report, Sequence[tuple[str, datetime]]]:
        for target in {result.target for result in results} - set(self._targets):
            self._targets[target] = info_of(target, self._home, None)
        report = self._report(name, Group(slot=max(result.slot for result in results), results=list(results)))
        return report, self._deliveries(report)
