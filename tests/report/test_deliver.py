"""Delivery: isolation, time limits, retries, secrets, and what is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner.api import Delivery, Report, RetryableSinkError, SinkError, SinkType, hookimpl
from runner.clock import SystemClock
from runner.errors import ConfigurationError, StoreError
from runner.model.diagnostic import Diagnostic, Span
from runner.model.home import Home, Settings, SinkSettings
from runner.model.problem import Announced, Change
from runner.model.report import NOTHING_TOLD, DeliveryState, Told, Waiting
from runner.model.secret import Secret
from runner.model.state import State
from runner.plugins.host import PluginHost
from runner.report.deliver import deliver
from runner.report.known import after
from runner.report.retry import Failure, after_failure, after_success
from runner.report.route import rules_of
from runner.report.settle import Delivered
from tests.formats.samples import bad_night, quiet_night

NOW = quiet_night().created


class Clock(SystemClock):
    def now(self) -> datetime:
        return NOW


class Kept:
    """A store of what is handed to it; `known` is what its sinks were told of."""

    def __init__(self, *deliveries: Delivery, known: Announced | None = None) -> None:
        self.durable = known is not None
        self.known = known or {}
        self.reports = {item.report.id: item.report for item in deliveries}
        self.settled: list[Delivery] = []

    def report(self, report_id: str) -> Report:
        if report_id not in self.reports:
            raise StoreError(f"the recorded report {report_id} cannot be read")
        return self.reports[report_id]

    def announced(self, _sink: str) -> Announced:
        return self.known

    def settle(self, delivery: Delivery, told: Told = NOTHING_TOLD) -> None:
        self.settled.append(delivery)
        self.known = after(self.known, told)


class Recording:
    """A sink that does what it is told to with each report."""

    def __init__(self, act: Callable[..., object]) -> None:
        self.act, self.closed = act, 0

    def emit(self, report) -> None:
        self.act(report)

    def close(self) -> None:
        self.closed += 1


def plugin(**openers: Callable[..., object] | str) -> SimpleNamespace:
    @hookimpl
    def runner_register_sinks() -> list[SinkType]:
        return [SinkType(type=f"test.{name}", summary="", open=opener) for name, opener in openers.items()]

    return SimpleNamespace(runner_register_sinks=runner_register_sinks)


def home_of(path: Path, *sinks: SinkSettings, secrets: tuple[Secret, ...] = ()) -> Home:
    return Home(path=path, settings=Settings(sinks={sink.name: sink for sink in sinks}), secrets=secrets)


def a_sink(name: str, kind: str = "", **changes: object) -> SinkSettings:
    return replace(SinkSettings(name=name, type=kind or f"test.{name}"), **changes)  # type: ignore[arg-type]


def a_delivery(sink: str, report=None, **changes: object) -> Delivery:
    made = report or quiet_night()
    return replace(Delivery(id=f"{made.id}:{sink}", report=made, sink=sink), **changes)  # type: ignore[arg-type]


def waiting(item: Delivery) -> Waiting:
    return Waiting(
        id=item.id, report=item.report.id, group=item.report.group, sink=item.sink, attempts=item.attempts,
        next_try=item.next_try, expires=item.expires, error=item.error,
    )  # fmt: skip


def run(
    home: Home, *deliveries: Delivery, store=None, objects=None, printed: list[str] | None = None, rules=None
) -> Delivered:
    kept = store or Kept()
    if isinstance(kept, Kept):
        kept.reports.update((item.report.id, item.report) for item in deliveries if item.report.id not in kept.reports)
    return deliver(
        map(waiting, deliveries), home=home, host=PluginHost({}, objects=objects or {}), store=kept, clock=Clock(),
        rules=rules or rules_of(home), stdout=printed.append if printed is not None else print,
    )  # fmt: skip


def acting(act: Callable[..., object]) -> SimpleNamespace:
    return plugin(bad=lambda options, context: Recording(act))


def raising(error: BaseException) -> Callable[..., object]:
    def act(*_: object) -> object:
        raise error

    return act


def test_the_built_in_sinks_and_formats_work_together(tmp_path: Path) -> None:
    printed: list[str] = []
    store = Kept()
    home = home_of(
        tmp_path,
        a_sink("screen", "stdout"),
        a_sink("log", "log_file", options={"path": "a.log"}, format="json_lines"),
        a_sink("text", "log_file", options={"path": "b.log"}),
    )
    done = run(home, a_delivery("screen"), a_delivery("log"), a_delivery("text"), printed=printed, store=store)
    assert done.faults == ()
    assert not done.gave_up
    assert {item.state for item in store.settled} == {DeliveryState.DONE}
    assert printed[0].startswith("OK         Daily database health check")
    assert (tmp_path / "a.log").read_text().startswith('{"schema":"runner.report/1"')
    assert (tmp_path / "b.log").read_text().startswith("OK         Daily")


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (RetryableSinkError("503 from the receiver"), DeliveryState.PENDING, "503 from the receiver"),
        (SinkError("404 from the receiver"), DeliveryState.FAILED, "404 from the receiver"),
        (ValueError("a bug"), DeliveryState.PENDING, "ValueError: a bug"),
        (SystemExit(1), DeliveryState.PENDING, "SystemExit: 1"),
        (ConfigurationError("bad path"), DeliveryState.PENDING, "bad path"),
    ],
)
@pytest.mark.parametrize("where", ["open", "emit"])
def test_a_sink_that_fails_stops_nobody_else(
    tmp_path: Path, where: str, error: BaseException, state, said: str
) -> None:
    bad = acting(raising(error)) if where == "emit" else plugin(bad=raising(error))
    printed: list[str] = []
    home = home_of(tmp_path, a_sink("bad"), a_sink("screen", "stdout"))
    done = run(home, a_delivery("bad"), a_delivery("screen"), objects={"bad": bad}, printed=printed)
    assert {item.sink: item.state for item in done.settled} == {"bad": state, "screen": DeliveryState.DONE}
    assert len(printed) == 1
    assert [(fault.where, said in fault.message) for fault in done.faults] == [("sink bad", True)]
    assert done.gave_up is (state is DeliveryState.FAILED)


@pytest.mark.parametrize(
    ("kind", "said", "hint"),
    [
        ("log_fil", "there is no sink type `log_fil`", "did you mean `log_file`?"),
        ("acme.gone", "there is no sink type `acme.gone`", "runner plugins list"),
        ("test.lost", "`no_such_module_here:open` cannot be loaded", ""),
    ],
)
def test_a_sink_whose_type_cannot_be_used_waits_for_its_plugin(tmp_path: Path, kind: str, said: str, hint: str) -> None:
    home = home_of(tmp_path, a_sink("s", kind))
    done = run(home, a_delivery("s"), objects={"p": plugin(lost="no_such_module_here:open")})
    (fault,) = done.faults
    assert said in fault.message
    assert hint in fault.hint
    assert done.settled[0].next_try == NOW + timedelta(minutes=1)


def test_an_unknown_format_is_told(tmp_path: Path) -> None:
    done = run(home_of(tmp_path, a_sink("s", "stdout", format="jsn")), a_delivery("s"))
    assert "there is no format `jsn`" in done.faults[0].message
    assert done.faults[0].hint == "did you mean `json`?"


def test_a_sink_that_is_gone_from_the_settings_is_given_up(tmp_path: Path) -> None:
    done = run(home_of(tmp_path), a_delivery("gone"))
    assert done.gave_up
    assert done.faults[0].message.endswith("was given up after 1 try: runner.yaml has no sink `gone` any more")


def test_a_sink_that_is_gone_by_a_mistake_is_waited_for(tmp_path: Path) -> None:
    wrong = Diagnostic(code="bad-value", span=Span("runner.yaml"), message="`type` cannot be `acme.pager`")
    done = run(replace(home_of(tmp_path), diagnostics=(wrong,)), a_delivery("gone"))
    assert not done.gave_up
    assert done.settled[0].state is DeliveryState.PENDING
    assert done.faults[0].message.endswith(": the sink cannot be used as runner.yaml has it")


def test_a_sink_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.report.deliver._GRACE", 0.0)
    stuck = threading.Event()
    printed: list[str] = []
    home = home_of(tmp_path, a_sink("bad", timeout=0.2), a_sink("screen", "stdout"))
    second = a_delivery("bad", replace(bad_night(), id="other", group="other"), id="second")
    done = run(
        home,
        a_delivery("bad"),
        second,
        a_delivery("screen"),
        objects={"bad": acting(lambda _: stuck.wait(30))},
        printed=printed,
    )
    stuck.set()
    assert len(printed) == 1
    late = [item for item in done.settled if item.sink == "bad"]
    assert [(item.state, item.error) for item in late] == [(DeliveryState.PENDING, "no answer within 0.2 s")]


def test_a_sink_is_opened_once_and_closed_even_after_a_failure(tmp_path: Path) -> None:
    opened: list[Recording] = []

    def opener(options, context) -> Recording:
        opened.append(Recording(raising(SinkError("no"))))
        return opened[-1]

    home = home_of(tmp_path, a_sink("bad"))
    run(home, a_delivery("bad"), a_delivery("bad", id="other"), objects={"bad": plugin(bad=opener)})
    assert [sink.closed for sink in opened] == [1]


def test_a_sink_gets_its_part_of_the_report(tmp_path: Path) -> None:
    seen = []
    home = home_of(tmp_path, a_sink("bad", send=("critical",)))
    done = run(
        home,
        a_delivery("bad", replace(bad_night(), id="b")),
        a_delivery("bad", quiet_night(), id="q"),
        objects={"bad": acting(seen.append)},
    )
    assert [[item.job for item in report.results] for report in seen] == [["dead-rows"]]
    assert [item.state for item in done.settled] == [DeliveryState.DONE] * 2


def test_secrets_are_masked_before_anything_is_kept(tmp_path: Path) -> None:
    url = "https://hooks.example/T0/s3cr3t"
    home = home_of(tmp_path, a_sink("bad"), secrets=(Secret(url),))
    error = RetryableSinkError(f"cannot reach {url}", hint=f"curl {url}")
    done = run(home, a_delivery("bad"), objects={"bad": acting(raising(error))})
    assert done.settled[0].error == "cannot reach ***"
    assert done.faults[0].hint == "curl ***"


def test_plugins_hear_of_each_delivery_and_cannot_stop_it(tmp_path: Path) -> None:
    heard: list[Delivery] = []

    @hookimpl
    def runner_delivery_finished(delivery: Delivery) -> None:
        heard.append(delivery)
        raise ValueError("observer")

    observer = SimpleNamespace(runner_delivery_finished=runner_delivery_finished)
    store = Kept()
    done = run(home_of(tmp_path, a_sink("s", "stdout")), a_delivery("s"), objects={"o": observer}, store=store)
    assert heard == store.settled
    assert done.settled[0].state is DeliveryState.DONE
    assert [fault.where for fault in done.faults] == ["plugin o"]


def test_a_store_that_fails_is_told(tmp_path: Path) -> None:
    store = Kept()
    store.settle = raising(StoreError("the disk is full"))  # type: ignore[assignment]
    done = run(home_of(tmp_path, a_sink("s", "stdout")), a_delivery("s"), store=store)
    assert [fault.message for fault in done.faults] == ["the disk is full"]


def test_a_rehearsal_renders_and_sends_nothing(tmp_path: Path) -> None:
    home = home_of(tmp_path, a_sink("log", "log_file", options={"path": "a.log"}))
    delivery = a_delivery("log")
    done = deliver(
        [waiting(delivery)], home=home, host=PluginHost({}), store=Kept(delivery), clock=Clock(),
        rules=rules_of(home), stdout=print, dry_run=True,
    )  # fmt: skip
    assert done.faults == ()
    assert list(tmp_path.iterdir()) == []


def test_waits_double_up_to_an_hour_and_end_after_a_day() -> None:
    delivery, now, waits = a_delivery("s"), NOW, []
    while delivery.state is DeliveryState.PENDING:
        delivery = after_failure(delivery, Failure(message="no"), now)
        if delivery.next_try:
            waits.append((delivery.next_try - now) / timedelta(minutes=1))
            now = delivery.next_try
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert timedelta(hours=24) <= now - NOW < timedelta(hours=25)
    assert delivery.next_try is None


@pytest.mark.parametrize(("wish", "minutes"), [(None, 1), (30, 1), (600, 10), (10**9, 60)])
def test_the_receivers_wish_counts_within_limits(wish: float | None, minutes: int) -> None:
    later = after_failure(a_delivery("s"), Failure(message="429", retry_after=wish), NOW)
    assert later.next_try == NOW + timedelta(minutes=minutes)


def test_a_delivery_has_its_own_end() -> None:
    short = a_delivery("s", expires=NOW + timedelta(minutes=5))
    assert after_failure(short, Failure(message=""), NOW).state is DeliveryState.PENDING
    assert after_failure(short, Failure(message=""), NOW + timedelta(minutes=5)).state is DeliveryState.FAILED


def test_success_forgets_the_errors() -> None:
    done = after_success(a_delivery("s", attempts=3, error="no", next_try=NOW))
    assert (done.state, done.attempts, done.error, done.next_try) == (DeliveryState.DONE, 4, "", None)


# ---- order, breaker, expiry


def night(group: str, number: int = 0, sink: str = "bad", **changes: object) -> Delivery:
    made = replace(quiet_night(), id=f"{group}-{number}", group=group)
    return a_delivery(sink, made, **{"expires": NOW + timedelta(hours=20), **changes})


class Receiver:
    """Takes reports but those of `refused` groups, and nothing at all while it is `down`."""

    def __init__(self, *refused: str, down: bool = False) -> None:
        self.refused, self.down = refused, down
        self.calls: list[str] = []
        self.took: list[str] = []

    def __call__(self, report: Report) -> None:
        self.calls.append(report.id)
        if self.down or report.group in self.refused:
            raise RetryableSinkError("503")
        self.took.append(report.id)


def received(receiver: Receiver, tmp_path: Path, *deliveries: Delivery, **more: object) -> Delivered:
    return run(home_of(tmp_path, a_sink("bad")), *deliveries, objects={"bad": acting(receiver)}, **more)  # type: ignore[arg-type]


def test_reports_of_a_group_arrive_in_their_order_or_not_yet(tmp_path: Path) -> None:
    receiver = Receiver("a")
    done = received(receiver, tmp_path, night("a", 1), night("b", 1), night("a", 2), night("b", 2))
    assert receiver.calls == ["a-1", "b-1", "b-2"]
    assert [item.report.id for item in done.settled if item.state is DeliveryState.PENDING] == ["a-1"]


def test_a_report_that_is_given_up_makes_way(tmp_path: Path) -> None:
    calls: list[str] = []

    def act(report: Report) -> None:
        calls.append(report.id)
        if report.id == "a-1":
            raise SinkError("400")

    done = run(home_of(tmp_path, a_sink("bad")), night("a", 1), night("a", 2), objects={"bad": acting(act)})
    assert calls == ["a-1", "a-2"]
    assert [item.state for item in done.settled] == [DeliveryState.FAILED, DeliveryState.DONE]


def test_a_sink_that_is_down_is_tried_three_times_in_a_pass(tmp_path: Path) -> None:
    receiver = Receiver(down=True)
    done = received(receiver, tmp_path, *(night(group) for group in "abcdefgh"))
    assert receiver.calls == ["a-0", "b-0", "c-0"]
    assert len(done.settled) == len(done.faults) == 3


def test_when_the_probe_arrives_everything_is_sent_in_the_same_pass(tmp_path: Path) -> None:
    later = NOW + timedelta(minutes=30)
    receiver = Receiver()
    deliveries = [night(group, attempts=7, next_try=later) for group in "abc"]
    deliveries += [night("d", attempts=7, next_try=NOW), night("a", 1), night("a", 2)]
    received(receiver, tmp_path, *deliveries)
    assert receiver.calls[0] == "d-0"
    assert sorted(receiver.took) == ["a-0", "a-1", "a-2", "b-0", "c-0", "d-0"]
    assert [item for item in receiver.took if item.startswith("a")] == ["a-0", "a-1", "a-2"]


def test_a_probe_that_fails_is_the_only_try(tmp_path: Path) -> None:
    receiver = Receiver(down=True)
    received(receiver, tmp_path, *(night(group, attempts=2, next_try=NOW) for group in "abcd"))
    assert receiver.calls == ["a-0"]


@pytest.mark.parametrize("turn", [{"next_try": NOW + timedelta(minutes=30), "attempts": 9, "error": "503"}, {}])
def test_what_expires_before_its_turn_is_given_up_loudly(tmp_path: Path, turn: dict[str, object]) -> None:
    receiver = Receiver("a")
    first = night("a", 0, **turn)
    over = [night("a", number, expires=NOW, **turn) for number in (1, 2)]
    store = Kept()
    done = received(receiver, tmp_path, first, *over, store=store)
    assert done.gave_up
    assert [item.id for item in store.settled if item.state is DeliveryState.FAILED] == ["a-1:bad", "a-2:bad"]
    (fault,) = [item for item in done.faults if "given up" in item.message]
    assert (fault.where, fault.message.startswith("2 reports, the oldest a-1, were given up")) == ("sink bad", True)
    assert ("503" in fault.message) == bool(turn)


def test_a_report_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    receiver = Receiver()
    store = Kept(night("b"))
    lost = Waiting(id="x", report="lost", group="a", sink="bad")
    home = home_of(tmp_path, a_sink("bad"))
    done = deliver(
        [lost, waiting(night("b"))], home=home, host=PluginHost({}, objects={"bad": acting(receiver)}), store=store,
        clock=Clock(), rules=rules_of(home), stdout=print,
    )  # fmt: skip
    assert receiver.took == ["b-0"]
    assert {item.id: item.state for item in done.settled}["x"] is DeliveryState.PENDING
    assert "cannot be read" in done.faults[0].message


# ---- what a sink knows


def test_a_sink_is_told_of_a_recovery_only_when_it_was_told_of_the_problem(tmp_path: Path) -> None:
    seen: list[Report] = []
    home = home_of(tmp_path, a_sink("bad", send=("problems", "recovered")))
    store = Kept(known={})
    silent = replace(bad_night(), id="first", results=bad_night().results[4:5])
    run(home, a_delivery("bad", silent), objects={"bad": acting(seen.append)}, store=store)
    assert (seen, [item.state for item in store.settled]) == ([], [DeliveryState.DONE])


def test_one_pass_knows_what_it_told_itself(tmp_path: Path) -> None:
    """A problem, the problem still there, and its recovery, all delivered at once: two of them are worth a call."""
    seen: list[str] = []
    home = home_of(tmp_path, a_sink("bad", send=("problems", "recovered")))
    opened = replace(bad_night(), id="1", results=bad_night().results[:1])
    (result,) = opened.results
    lasts = replace(opened, id="2", results=(replace(result, transitions=()),))
    fine = replace(result.outcome, findings=())
    over = tuple(
        replace(item, change=Change.RECOVERED, before=item.after, after=State.OK) for item in result.transitions
    )
    recovered = replace(opened, id="3", results=(replace(result, outcome=fine, transitions=over),))
    store = Kept(known={})
    run(
        home, *(a_delivery("bad", item) for item in (opened, lasts, recovered)),
        objects={"bad": acting(lambda report: seen.append(report.id))}, store=store,
        rules=replace(rules_of(home), remind_by_default=0.0),
    )  # fmt: skip
    assert seen == ["1", "3"]
    assert [item.state for item in store.settled] == [DeliveryState.DONE] * 3
    assert store.known == {}


def test_what_could_not_be_delivered_is_not_known(tmp_path: Path) -> None:
    home = home_of(tmp_path, a_sink("bad", send=("problems",)))
    store = Kept(known={})
    run(home, a_delivery("bad", bad_night()), objects={"bad": acting(raising(SinkError("400")))}, store=store)
    assert store.known == {}
    run(home, a_delivery("bad", bad_night()), objects={"bad": acting(lambda _: None)}, store=store)
    assert len(store.known) == 3
