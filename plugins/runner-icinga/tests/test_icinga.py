"""The sink `runner.icinga`: passive results as the API of Icinga 2 describes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import runner_icinga
from runner_icinga.results import lasting, parts

from runner.api import RetryableSinkError, SinkError
from runner.testing import (
    NOW,
    SAMPLES,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    report,
    result,
    sample,
)

STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that break a line or steer a terminal."""
FIELDS = {
    "type": str, "filter": str, "filter_vars": dict, "exit_status": int, "plugin_output": str, "performance_data": list,
    "check_source": str, "execution_start": float, "execution_end": float, "ttl": int,
}  # fmt: skip


def checked(body: dict[str, Any]) -> None:
    """https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#process-check-result."""
    assert {name: type(value) for name, value in body.items()} == FIELDS
    assert body["type"] == "Service"
    assert body["exit_status"] in (0, 1, 2, 3)
    assert body["filter"] == "host.name == wanted_host && service.name == wanted_service"
    assert set(body["filter_vars"]) == {"wanted_host", "wanted_service"}
    assert body["plugin_output"]
    assert "|" not in body["plugin_output"]
    assert not STEERING.search(body["plugin_output"])
    assert all("=" in item and "\n" not in item for item in body["performance_data"])
    assert body["execution_start"] <= body["execution_end"]
    assert body["ttl"] > 0


class TestIcinga(HttpSinkContract):
    sink_type = runner_icinga.ICINGA
    secrets = ("password",)

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": receiver.url, "user": "runner", "password": "planted-password"}

    @pytest.mark.parametrize("name", SAMPLES)
    def test_what_is_posted(self, name: str, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample(name))
        assert len(receiver.requests) == len({(item.job, item.target) for item in sample(name).results})
        for request in receiver.requests:
            assert (request.method, request.path) == ("POST", "/v1/actions/process-check-result")
            assert request.headers["accept"] == "application/json"
            assert request.headers["authorization"].startswith("Basic ")
            checked(request.json())

    def test_names_of_hosts_and_services(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        options = {**self.options(receiver), "hosts": {"main": "db1"}, "own_host": "here", "service_prefix": "pg-"}
        made = report(result("locks"), result("locks", target="standby"), result("restart", target=""))
        self.send(context, options, made)
        names = [tuple(request.json()["filter_vars"].values()) for request in receiver.requests]
        assert names == [("db1", "pg-locks"), ("standby", "pg-locks"), ("here", "pg-restart")]

    def test_numbers_are_performance_data(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample("numbers"))
        (request,) = receiver.requests
        assert any(item.startswith("'") and "share'=43.3%" in item for item in request.json()["performance_data"])

    def test_a_service_that_is_missing_costs_only_itself(
        self, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.status, receiver.body = 404, b'{"error": 404, "status": "No objects found."}'
        with pytest.raises(SinkError) as caught:
            self.send(context, self.options(receiver), sample("two targets"))
        assert len(receiver.requests) == 2
        assert not isinstance(caught.value, RetryableSinkError)
        assert caught.value.message.startswith("2 results were not taken (main!dead-rows, standby!dead-rows): ")
        assert "No objects found." in caught.value.message
        assert "enable_passive_checks" in caught.value.hint

    @pytest.mark.parametrize(("code", "again"), [(404, False), (503, True)])
    def test_the_code_of_the_object_counts_too(
        self, code: int, again: bool, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.body = b'{"results": [{"code": %d.0, "status": "no luck"}]}' % code
        error = self._error(self.options(receiver), context)
        assert isinstance(error, RetryableSinkError) is again
        assert "no luck" in error.message

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"results": 7}', b'{"results": [{"code": "x"}]}'])
    def test_an_answer_that_says_nothing_is_good(
        self, body: bytes, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.body = body
        self.send(context, self.options(receiver), sample("one ok"))


@pytest.mark.parametrize(
    ("state", "status"),
    [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3), ("learning", 0), ("skipped", 0)],
)
def test_states(state: str, status: int) -> None:
    from runner_icinga.results import body_of

    made = report(result("job", state))
    body = body_of(made, made.results[0], lambda _: "OK - x", host="h", service="s", source="x")
    assert body["exit_status"] == status


@pytest.mark.parametrize(
    ("output", "text", "data"),
    [
        ("OK - fine | 'a b:used'=42;;;0 x=1%;80;90\nmore\n", "OK - fine\nmore", ["'a b:used'=42;;;0", "x=1%;80;90"]),
        ("OK - fine\n", "OK - fine", []),
        ("OK | 'it''s'=1", "OK", ["'it''s'=1"]),
    ],
)
def test_performance_data_is_taken_apart(output: str, text: str, data: list[str]) -> None:
    assert parts(output) == (text, data)


def test_how_long_a_result_is_fresh() -> None:
    assert lasting(report(next_slot=NOW + timedelta(hours=1))) == timedelta(hours=2, seconds=57)
    assert lasting(report(next_slot=None)) == timedelta(hours=25)


class TestPlugin(PluginContract):
    plugin = runner_icinga
