"""Runs what was claimed and delivers the reports: shared by `run-due` and `run`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

from runner.api import Fault, Report, Result
from runner.app.courier import Courier
from runner.app.loading import Loaded
from runner.app.upcoming import next_slot
from runner.clock import Clock
from runner.engine.claims import Claimed
from runner.engine.publish import Publisher
from runner.engine.tick import Surroundings, Tick
from runner.errors import StoreError
from runner.records import dataclass
from runner.report.deliver import deliver
from runner.report.known import with_acknowledged
from runner.report.route import Rules, deliveries_for, rules_of
from runner.report.settle import Delivered
from runner.store.base import Store
from runner.store.memory import WithoutStore

DELIVERING = "deliveries"
"""The lock of whoever delivers."""

_UNSETTLED = frozenset({"store", "executor"})
"""While one of them has a fault, the next tick must look for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The reports of what ran, every fault on the way, and whether a delivery was given up."""

    reports: tuple[Report, ...] = ()
    faults: tuple[Fault, ...] = ()
    gave_up: bool = False
    not_recorded: bool = False

    def with_fault(self, fault: Fault) -> Ran:
        """The same with one more fault of the store."""
        return replace(self, faults=tuple(dict.fromkeys([*self.faults, fault])), not_recorded=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the runs are done: parameters from the command line, whether to send, where output goes."""

    overrides: Mapping[str, object] = field(default_factory=dict)
    dry_run: bool = False
    send: bool = True
    skip_sinks: frozenset[str] = frozenset()
    stdout: Callable[[str], object] = print
    tell: Callable[[str], None] = lambda _: None
    show: Callable[[str, str, float], None] | None = None
    """Draws how much of the work on a target is done; without it that is told in lines."""


def perform(
    loaded: Loaded,
    store: Store,
    clock: Clock,
    claims: Sequence[Claimed],
    manner: Manner,
    left_over: Sequence[Result] = (),
    faults: Sequence[Fault] = (),
) -> Ran:
    """Runs the claims, publishes one report a group, and delivers everything that is due."""
    home, host = loaded.home, loaded.host
    rules = rules_of(home, loaded.registry.changes_only)
    spare = _Spare()
    courier = Courier(lambda: send_waiting(loaded, (store, *spare.made), clock, manner) if manner.send else [])

    def published(report: Report) -> None:
        publisher.blame(host.notify("runner_report_ready", report=report))
        courier.wake()

    publisher = Publisher(
        home, store, spare.get, clock, wishes_of(rules, manner), next_slot_of(loaded, clock), published
    )
    publisher.blame(faults)
    publisher.add_left_over(left_over)

    def tell_plugins(result: Result) -> None:
        publisher.blame(host.notify("runner_result_ready", result=result))

    around = Surroundings(
        home=home, registry=loaded.registry, store=store, clock=clock, publisher=publisher,
        overrides=manner.overrides, dry_run=manner.dry_run, tell=manner.tell, show=manner.show, result_ready=tell_plugins, broke=host.broke,
    )  # fmt: skip
    try:
        Tick(around).run(claims)
    finally:
        try:
            publisher.close()
        finally:
            # The process would wait for the courier for ever.
            sent = courier.finish()
            spare.close()
    happened = tuple(dict.fromkeys([*publisher.faults, *(fault for done in sent for fault in done.faults)]))
    return Ran(
        reports=_with_what_is_known(publisher.reports, store, clock),
        faults=happened,
        gave_up=any(done.gave_up for done in sent),
        not_recorded=any(fault.where in _UNSETTLED for fault in happened),
    )


def next_slot_of(loaded: Loaded, clock: Clock) -> Callable[[str], datetime | None]:
    """The next slot of a group: the earliest of its jobs."""
    return lambda group: next_slot(loaded.home.jobs, group, clock.now())


def wishes_of(rules: Rules, manner: Manner) -> Callable[[Report], Sequence[tuple[str, datetime]]]:
    """Which sinks get a report, and when each delivery is given up."""

    def wishes(report: Report) -> Sequence[tuple[str, datetime]]:
        if not manner.send:
            return ()
        return [(sink, expires) for sink, expires in deliveries_for(report, rules) if sink not in manner.skip_sinks]

    return wishes


def rules_now(loaded: Loaded, store: Store, now: datetime) -> Rules:
    """The rules of the home with the silences and acknowledgements that the store holds now. Raises StoreError."""
    return rules_of(loaded.home, loaded.registry.changes_only, store.silences(now), store.acknowledged(now))


def _with_what_is_known(reports: Sequence[Report], store: Store, clock: Clock) -> tuple[Report, ...]:
    """The reports as they are printed, with who acknowledged what; that is worth no trouble of its own."""
    try:
        known = {item.identity: item for item in store.acknowledged(clock.now())} if reports else {}
    except StoreError:
        known = {}
    return tuple(with_acknowledged(report, known) for report in reports)


class _Spare:
    """A store in memory for what the real one does not take; it is made when it is needed."""

    def __init__(self) -> None:
        self.made: list[Store] = []

    def get(self) -> Store:
        if not self.made:
            self.made.append(WithoutStore())
        return self.made[0]

    def close(self) -> None:
        for store in self.made:
            store.close()


def send_waiting(loaded: Loaded, stores: Sequence[Store], clock: Clock, manner: Manner) -> list[Delivered]:
    """Everything that waits in the stores; one process at a time, so that nothing is sent twice."""
    sent: list[Delivered] = []
    for store in stores:
        try:
            with store.hold(DELIVERING):
                if waiting := store.pending():
                    sent.append(
                        deliver(
                            waiting,
                            home=loaded.home,
                            host=loaded.host,
                            store=store,
                            clock=clock,
                            rules=_rules_to_send(loaded, stores[0], clock),
                            stdout=manner.stdout,
                        )
                    )
        except StoreError as error:
            sent.append(Delivered(faults=(Fault(where="store", message=error.message, hint=error.hint),)))
    return sent


def _rules_to_send(loaded: Loaded, store: Store, clock: Clock) -> Rules:
    """With silences that cannot be read a report is still better than none."""
    try:
        return rules_now(loaded, store, clock.now())
    except StoreError:
        return rules_of(loaded.home, loaded.registry.changes_only)
