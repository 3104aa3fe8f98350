"""The contract of a sink as tests: inherit `SinkContract` (or `HttpSinkContract`) and say what the sink is given."""

from __future__ import annotations

import locale
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runner.api import Report, RetryableSinkError, Secret, Sink, SinkError, SinkType
from runner.testing.contexts import FakeSinkContext, open_sink
from runner.testing.http import HttpReceiver
from runner.testing.samples import SAMPLES, sample

_PATIENCE = 30.0
"""Seconds after which a sink hangs."""


class SinkContract:
    """What every sink must keep to. A subclass names its `sink_type` and says how the sink is used:

    `options(receiver)` are its settings; `arrived(receiver)` is what came through so far, one item for each delivery or
    more; `refuse(receiver)` and `fail(receiver)` return settings with which a report can never, or only later, be
    delivered. `secrets` names the options that hold one. `receiver` is a fixture: a folder, unless a subclass says more.
    """

    sink_type: SinkType
    secrets: tuple[str, ...] = ()
    built_in = False

    def options(self, receiver: Any) -> Mapping[str, object]:
        """The settings of a sink that works."""
        return {}

    def arrived(self, receiver: Any) -> Sequence[object]:
        """What the receiver has got so far."""
        pytest.skip(f"{type(self).__name__} does not say what has arrived")

    def refuse(self, receiver: Any) -> Mapping[str, object]:
        """Settings, or a receiver, with which trying again is useless."""
        pytest.skip(f"{type(self).__name__} knows of nothing that is refused for good")

    def fail(self, receiver: Any) -> Mapping[str, object]:
        """Settings, or a receiver, with which trying again later may help."""
        pytest.skip(f"{type(self).__name__} knows of nothing that may work later")

    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Any:
        """What the sink sends to."""
        folder = tmp_path / "receiver"
        folder.mkdir()
        return folder

    @pytest.fixture
    def context(self, tmp_path: Path) -> FakeSinkContext:
        """What the sink is handed."""
        home = tmp_path / "home"
        home.mkdir()
        return FakeSinkContext(home=home)

    @pytest.fixture(autouse=True)
    def _nothing_is_printed(self, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
        yield
        assert capfd.readouterr().out == "", "a sink never prints; context.write_stdout does"

    # ---- helpers for further tests of a subclass

    def opened(self, context: FakeSinkContext, options: Mapping[str, object]) -> Sink:
        """The sink with these settings; those named in `secrets` are Secrets, as in a home."""
        hidden = {name: Secret(str(options[name])) for name in self.secrets if name in options}
        return open_sink(self.sink_type, MappingProxyType({**options, **hidden}), context)

    def send(self, context: FakeSinkContext, options: Mapping[str, object], *reports: Report) -> None:
        """Opens the sink, emits the reports and closes it, in a thread of its own as runner does."""
        _in_thread(lambda: self._send(context, options, reports))

    def _send(self, context: FakeSinkContext, options: Mapping[str, object], reports: Sequence[Report]) -> None:
        sink = self.opened(context, options)
        try:
            for report in reports:
                sink.emit(report)
        finally:
            sink.close()
            sink.close()

    # ---- the contract

    def test_it_is_described(self) -> None:
        """The name has a dot, the options have descriptions and form a JSON Schema."""
        kind = self.sink_type
        assert self.built_in or "." in kind.type, "names without a dot belong to runner"
        assert kind.summary
        assert set(kind.required) <= set(kind.options)
        Draft202012Validator.check_schema({"properties": dict(kind.options)})
        assert [name for name, schema in kind.options.items() if not schema.get("description")] == []

    def test_its_options_are_those_that_it_describes(self, receiver: Any) -> None:
        """What `options` gives would stand in runner.yaml."""
        extra = {"format": {"type": "string"}} if self.sink_type.accepts_format else {}
        schema = {
            "properties": {**self.sink_type.options, **extra}, "required": list(self.sink_type.required),
            "additionalProperties": False,
        }  # fmt: skip
        given = _revealed(self.options(receiver))
        assert [error.message for error in Draft202012Validator(schema).iter_errors(given)] == []

    @pytest.mark.parametrize("name", SAMPLES)
    def test_it_takes_every_report(self, name: str, receiver: Any, context: FakeSinkContext) -> None:
        """Nothing that can stand in a report stops a sink."""
        self.send(context, self.options(receiver), sample(name))

    def test_a_problem_arrives(self, receiver: Any, context: FakeSinkContext) -> None:
        """One report, and one more delivery at least."""
        before = len(self.arrived(receiver))
        self.send(context, self.options(receiver), sample("one critical"))
        assert len(self.arrived(receiver)) > before

    def test_a_report_may_come_twice(self, receiver: Any, context: FakeSinkContext) -> None:
        """After a crash nobody knows whether it had arrived."""
        report = sample("one critical")
        self.send(context, self.options(receiver), report, report)
        self.send(context, self.options(receiver), report)

    def test_a_rehearsal_sends_nothing(self, receiver: Any, context: FakeSinkContext) -> None:
        """With `dry_run` the sink renders and checks only."""
        before = list(self.arrived(receiver))
        context.dry_run = True
        self.send(context, self.options(receiver), sample("one critical"))
        assert list(self.arrived(receiver)) == before
        assert context.printed == []

    def test_it_can_be_closed_at_any_time(self, receiver: Any, context: FakeSinkContext) -> None:
        """Before the first report, and more than once."""
        self.send(context, self.options(receiver))

    def test_what_is_refused_for_good_is_not_tried_again(self, receiver: Any, context: FakeSinkContext) -> None:
        """SinkError, not RetryableSinkError."""
        error = self._error(self.refuse(receiver), context)
        assert not isinstance(error, RetryableSinkError), f"to try again is useless: {error}"

    def test_what_may_work_later_is_tried_again(self, receiver: Any, context: FakeSinkContext) -> None:
        """RetryableSinkError."""
        error = self._error(self.fail(receiver), context)
        assert isinstance(error, RetryableSinkError), f"to try again may help: {error}"

    @pytest.mark.parametrize("way", ["refuse", "fail"])
    def test_no_secret_is_shown(
        self, way: str, receiver: Any, context: FakeSinkContext, caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        """Not in errors, not in logs, not in what is printed."""
        if not self.secrets:
            return
        caplog.set_level(logging.DEBUG)
        options = getattr(self, way)(receiver)
        error = self._error(options, context)
        told = f"{error}\n{getattr(error, 'hint', '')}\n{caplog.text}\n{''.join(capfd.readouterr())}"
        shown = [name for name in self.secrets if name in options and str(options[name]) in told]
        assert shown == [], f"these options can be read in what is told: {', '.join(shown)}"

    def test_the_process_is_as_before(self, receiver: Any, context: FakeSinkContext) -> None:
        """Folder, environment, locale and mask of files belong to runner."""
        before = _process()
        self.send(context, self.options(receiver), sample("one critical"))
        assert _process() == before

    def _error(self, options: Mapping[str, object], context: FakeSinkContext) -> SinkError:
        with pytest.raises(SinkError) as caught:
            self.send(context, options, sample("one critical"))
        return caught.value


class HttpSinkContract(SinkContract):
    """A sink that speaks HTTP: its `receiver` is an HttpReceiver, so only `options` has to be written.

    `statuses` may say of further codes, or of others than usual, whether trying again helps.
    """

    secrets = ("url",)
    statuses: Mapping[int, type[SinkError] | None] = {}
    usual: Mapping[int, type[SinkError] | None] = {
        **dict.fromkeys((200, 202, 204)),
        **dict.fromkeys((400, 401, 403, 404, 410, 422), SinkError),
        **dict.fromkeys((429, 500, 502, 503, 504), RetryableSinkError),
    }

    def options(self, receiver: HttpReceiver) -> Mapping[str, object]:
        return {"url": f"{receiver.url}/hook/planted-secret"}

    def arrived(self, receiver: HttpReceiver) -> Sequence[object]:
        return list(receiver.requests)

    def refuse(self, receiver: HttpReceiver) -> Mapping[str, object]:
        receiver.status = 400
        return self.options(receiver)

    def fail(self, receiver: HttpReceiver) -> Mapping[str, object]:
        receiver.status = 503
        return self.options(receiver)

    @pytest.fixture
    def receiver(self) -> Iterator[HttpReceiver]:
        receiver = HttpReceiver()
        yield receiver
        receiver.close()

    @pytest.mark.parametrize("status", usual)
    def test_the_status_decides(self, status: int, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        """Delivered, given up, or tried again."""
        expected = {**self.usual, **self.statuses}[status]
        receiver.status, receiver.body = status, b"" if status == 204 else receiver.body
        if expected is None:
            self.send(context, self.options(receiver), sample("one critical"))
            return
        error = self._error(self.options(receiver), context)
        assert isinstance(error, RetryableSinkError) is (expected is RetryableSinkError)

    def test_a_receiver_that_is_not_there_may_come_back(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        """Nobody listens on the port."""
        options = self.options(receiver)
        receiver.close()
        assert isinstance(self._error(options, context), RetryableSinkError)

    def test_a_silent_receiver_is_left_in_time(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        """`context.timeout` bounds every report."""
        receiver.silent, context.timeout = True, 0.5
        started = time.monotonic()
        assert isinstance(self._error(self.options(receiver), context), RetryableSinkError)
        assert time.monotonic() - started < context.timeout * 4


def _in_thread(work: Callable[[], None]) -> None:
    """Raises what the work raises; a sink that never ends is told."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    assert not thread.is_alive(), f"the sink did not answer within {_PATIENCE:g} s"
    for error in raised:
        raise error


def _revealed(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in options.items()}


def _process() -> tuple[object, ...]:
    mask = os.umask(0o022)
    os.umask(mask)
    return os.getcwd(), dict(os.environ), locale.setlocale(locale.LC_ALL), mask
