"""Gathers the results of each group and, when the group is complete, records and hands out its report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from runner.api import Fault, Report, Result, ServerFacts, TargetInfo
from runner.clock import Clock
from runner.engine.claims import Claimed
from runner.engine.masking import masked
from runner.errors import StoreError
from runner.model.home import Home
from runner.records import dataclass
from runner.report.build import build
from runner.store.base import Recorded, Store

Publish = Callable[[Report], Sequence[tuple[str, datetime]]]
"""Which sinks get a report, and when each delivery is given up."""


@dataclass(slots=True, kw_only=True)
class Group:
    """What is known so far of one group in this tick."""

    waiting: set[str] = field(default_factory=set)
    slot: datetime | None = None
    results: list[Result] = field(default_factory=list)
    unrecorded: list[Recorded] = field(default_factory=list)


class Publisher:
    """Called from the target threads. A store that fails turns into a fault; the report is made all the same."""

    def __init__(
        self,
        home: Home,
        store: Store,
        spare: Callable[[], Store],
        clock: Clock,
        deliveries: Publish,
        next_slot: Callable[[str], datetime | None],
        published: Callable[[Report], None],
    ) -> None:
        self._home, self._store, self._spare, self._clock = home, store, spare, clock
        self._deliveries, self._next_slot, self._published = deliveries, next_slot, published
        self._groups: dict[str, Group] = {}
        self._targets: dict[str, TargetInfo] = {}
        self._lock = threading.Lock()
        self.reports: list[Report] = []
        self.faults: list[Fault] = []

    def expect(self, claims: Iterable[Claimed]) -> None:
        for claim in claims:
            group = self._groups.setdefault(claim.job.group, Group())
            group.waiting.add(claim.run)
            group.slot = max(filter(None, (group.slot, claim.slot)))

    def blame(self, faults: Iterable[Fault]) -> None:
        """Tells of the faults in the reports that follow; what a plugin quotes is masked."""
        self.faults.extend(masked(fault, self._home.secrets) for fault in faults)

    def know(self, info: TargetInfo) -> None:
        with self._lock:
            self._targets[info.name] = info

    def add(self, recorded: Recorded, fault: Fault | None, *, at_once: bool) -> None:
        """Takes one result; `at_once` records it before the group is complete (long jobs)."""
        with self._lock:
            self.blame([fault] if fault else [])
            group = self._groups[recorded.result.group]
            group.waiting.discard(recorded.result.run)
            group.results.append(recorded.result)
            group.unrecorded.append(recorded)
            if not group.waiting:
                self._publish(recorded.result.group, group)
            elif at_once:
                self._record(group, None)

    def add_left_over(self, results: Sequence[Result]) -> None:
        """Results of a dead tick that no report told of."""
        for result in results:
            group = self._groups.setdefault(result.group, Group())
            group.results.append(result)
            group.slot = max(filter(None, (group.slot, result.slot)))

    def close(self) -> None:
        """Publishes what nothing more will be added to."""
        with self._lock:
            for name, group in self._groups.items():
                if group.results:
                    self._publish(name, group)

    def _publish(self, name: str, group: Group) -> None:
        report = self._report(name, group)
        faults = self._record(group, report)
        if faults:
            report = self._report(name, group, faults)
            self._spare().record([], report=report, deliveries=self._deliveries(report), now=self._clock.now())
        self.reports.append(report)
        group.results, group.unrecorded = [], []
        self._published(report)

    def _report(self, name: str, group: Group, faults: Sequence[Fault] = ()) -> Report:
        assert group.slot is not None
        names = {result.target for result in group.results}
        return build(
            group=name,
            title=self._home.groups.get(name, name),
            slot=group.slot,
            results=group.results,
            targets=[info for target, info in sorted(self._targets.items()) if target in names],
            faults=[*self.faults, *faults],
            created=self._clock.now(),
            next_slot=self._next_slot(name),
        )

    def _record(self, group: Group, report: Report | None) -> list[Fault]:
        now = self._clock.now()
        deliveries = self._deliveries(report) if report else ()
        try:
            self._store.record(group.unrecorded, report=report, deliveries=deliveries, now=now)
        except StoreError as error:
            fault = Fault(where="store", message=error.message, hint=error.hint)
            self.faults.append(fault)
            return [fault]
        group.unrecorded = []
        return []


def info_of(name: str, home: Home, facts: object) -> TargetInfo:
    """A target as reports name it, with what its server said of itself."""
    target = home.targets.get(name)
    address = target.address if target else "this host"
    labels: Mapping[str, str] = target.labels if target else {}
    if not isinstance(facts, ServerFacts):
        return TargetInfo(name=name or "host", address=address, labels=labels)
    version = f"PostgreSQL {facts.major}.{facts.version % 10000}"
    return TargetInfo(name=name, address=address, version=version, role=facts.role, labels=labels)
