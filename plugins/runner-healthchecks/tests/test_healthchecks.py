"""The sink `runner.healthchecks` and its hook: success, failure, start, and a ping that never hurts a tick."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import runner_healthchecks
from runner_healthchecks.run import CURRENT

from runner.api import RetryableSinkError, Tick
from runner.testing import (
    NOW,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    sample,
)

TICK = Tick(id="tick-1", now=NOW, due=1)


@pytest.fixture(autouse=True)
def no_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HEALTHCHECKS_START_URL", raising=False)
    CURRENT.rid = ""
    yield
    CURRENT.rid = ""


class TestHealthchecks(HttpSinkContract):
    sink_type = runner_healthchecks.HEALTHCHECKS

    @pytest.mark.parametrize(
        ("name", "fail_on", "path"),
        [
            ("one ok", ["critical"], "/hook/planted-secret"),
            ("one critical", ["critical"], "/hook/planted-secret/fail"),
            ("one critical", ["unknown"], "/hook/planted-secret"),
            ("one critical", None, "/hook/planted-secret"),
            ("one unknown", ["critical", "unknown"], "/hook/planted-secret/fail"),
        ],
    )
    def test_the_signal(
        self, name: str, fail_on: list[str] | None, path: str, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        given = {"fail_on": fail_on} if fail_on is not None else {}
        self.send(context, {**self.options(receiver), **given}, sample(name))
        (request,) = receiver.requests
        assert (request.method, request.path) == ("POST", path)
        assert request.body.decode().startswith(sample(name).state.value.upper())

    def test_the_body_is_bounded(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample("500 findings"), sample("hostile: unicode"))
        assert all(0 < len(request.body) <= 10_000 for request in receiver.requests)

    @pytest.mark.parametrize(("body", "again"), [(b"OK (not found)", False), (b"OK (rate limited)", True)])
    def test_what_200_can_mean(
        self, body: bytes, again: bool, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.body = body
        error = self._error(self.options(receiver), context)
        assert isinstance(error, RetryableSinkError) is again
        assert getattr(error, "retry_after", None) == (60.0 if again else None)

    def test_a_run_is_measured_from_the_start_of_the_tick(
        self, receiver: HttpReceiver, context: FakeSinkContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HEALTHCHECKS_START_URL", f"{receiver.url}/hook/planted-secret?create=1")
        runner_healthchecks.runner_tick_started(TICK)
        self.send(context, self.options(receiver), sample("one ok"))
        start, success = (request.path for request in receiver.requests)
        path, _, rid = success.partition("?rid=")
        assert path == "/hook/planted-secret"
        assert str(uuid.UUID(rid)) == rid
        assert start == f"/hook/planted-secret/start?create=1&rid={rid}"

    @pytest.mark.parametrize("status", [404, 500])
    def test_a_start_that_fails_hurts_nobody(
        self, status: int, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HEALTHCHECKS_START_URL", receiver.url)
        receiver.status = status
        runner_healthchecks.runner_tick_started(TICK)
        assert len(receiver.requests) == 1


def test_without_the_variable_nothing_is_sent() -> None:
    runner_healthchecks.runner_tick_started(TICK)
    assert CURRENT.rid == ""


class TestPlugin(PluginContract):
    plugin = runner_healthchecks
