"""Delivery: isolation, time limits, retries, secrets, and what is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner.api import Delivery, RetryableSinkError, SinkError, SinkType, hookimpl
from runner.clock import SystemClock
from runner.errors import ConfigurationError, StoreError
from runner.model.home import Home, Settings, SinkSettings
from runner.model.report import DeliveryState
from runner.model.secret import Secret
from runner.plugins.host import PluginHost
from runner.report.deliver import Delivered, deliver
from runner.report.retry import Failure, after_failure, after_success
from runner.report.route import rules_of
from tests.formats.samples import bad_night, quiet_night

NOW = quiet_night().created


class Clock(SystemClock):
    def now(self) -> datetime:
        return NOW


class Kept:
    def __init__(self) -> None:
        self.settled: list[Delivery] = []

    def settle(self, delivery: Delivery) -> None:
        self.settled.append(delivery)


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


def run(home: Home, *deliveries: Delivery, store=None, objects=None, printed: list[str] | None = None) -> Delivered:
    host = PluginHost({}, objects=objects or {})
    write = printed.append if printed is not None else print
    return deliver(
        deliveries, home=home, host=host, store=store or Kept(), clock=Clock(), rules=rules_of(home), stdout=write
    )


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


def test_a_sink_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.report.deliver._GRACE", 0.0)
    stuck = threading.Event()
    printed: list[str] = []
    home = home_of(tmp_path, a_sink("bad", timeout=0.2), a_sink("screen", "stdout"))
    second = a_delivery("bad", bad_night(), id="second")
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
    assert [(item.state, item.error) for item in late] == [(DeliveryState.PENDING, "no answer within 0.2 s")] * 2


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
        a_delivery("bad", bad_night()),
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
    store = SimpleNamespace(settle=raising(StoreError("the disk is full")))
    done = run(home_of(tmp_path, a_sink("s", "stdout")), a_delivery("s"), store=store)
    assert [fault.message for fault in done.faults] == ["the disk is full"]


def test_a_rehearsal_renders_and_sends_nothing(tmp_path: Path) -> None:
    home = home_of(tmp_path, a_sink("log", "log_file", options={"path": "a.log"}))
    host = PluginHost({})
    done = deliver(
        [a_delivery("log")],
        home=home, host=host, store=Kept(), clock=Clock(), rules=rules_of(home), stdout=print, dry_run=True,
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
