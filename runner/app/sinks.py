"""`runner sinks`: what is configured, and one report that is clearly a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from runner.api import Fault, Outcome, Report, Result
from runner.app.loading import Loaded
from runner.app.run_job import known
from runner.clock import Clock
from runner.model.home import Send, SinkSettings
from runner.model.problem import Announced
from runner.model.report import NOTHING_TOLD, Delivery, Told, Waiting
from runner.report.build import build
from runner.report.deliver import deliver
from runner.report.route import Rules, sends_of


def send_test(loaded: Loaded, name: str, clock: Clock, stdout: Callable[[str], object]) -> tuple[Fault, ...]:
    """Sends a test report past routes and `send`; the faults say why it did not arrive. Raises UsageError."""
    sinks = loaded.home.settings.sinks
    known("sink", [name], sinks)
    report = sample(clock)
    done = deliver(
        [Waiting(id=f"{report.id}:{name}", report=report.id, group=report.group, sink=name)],
        home=loaded.home,
        host=loaded.host,
        store=_NotKept(report),
        clock=clock,
        rules=Rules(sinks={name: replace(sinks[name], send=("all",))}),
        stdout=stdout,
    )
    return done.faults


class _NotKept:
    """A test leaves nothing behind: it is not tried again."""

    durable = False

    def __init__(self, report: Report) -> None:
        self._report = report

    def report(self, _report_id: str) -> Report:
        return self._report

    def announced(self, _sink: str) -> Announced:
        return {}

    def settle(self, delivery: Delivery, told: Told = NOTHING_TOLD) -> None:
        """What became of it is in the faults."""


def sent_to(loaded: Loaded, sink: SinkSettings) -> tuple[Send, ...]:
    """What a sink of the home is sent: some types get only changes when nothing is said."""
    return sends_of(sink, loaded.registry.changes_only)


def sample(clock: Clock) -> Report:
    """A report with one result that is ok and says that it is a test."""
    now = clock.now()
    result = Result(
        run="test", job="sink-test", kind="check", group="sink-test", title="Test of a sink", target="",
        slot=now, started=now, finished=now, outcome=Outcome(summary="this is a test: nothing was checked"),
    )  # fmt: skip
    return build(group="sink-test", title="Test of a sink", slot=now, results=[result], created=now)
