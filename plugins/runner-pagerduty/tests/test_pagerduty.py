"""The sink `runner.pagerduty`: events with keys that stay, as the Events API v2 wants them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import runner_pagerduty
from runner_pagerduty.events import events_of

from runner.api import Acknowledgement, Report, Series, State
from runner.testing import (
    NOW,
    SAMPLES,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    finding,
    report,
    result,
    sample,
    transition,
)

PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


def checked(event: dict[str, Any]) -> str:
    """The action of an event that the API takes: https://developer.pagerduty.com/docs/send-alert-event."""
    action: str = event["event_action"]
    assert 0 < len(event["dedup_key"]) <= 255
    assert event["dedup_key"].isascii()
    if action != "trigger":
        assert action in ("acknowledge", "resolve")
        assert set(event) == {"event_action", "dedup_key"}
        return action
    assert set(event) - {"links"} == {"event_action", "dedup_key", "client", "payload"}
    payload = event["payload"]
    assert set(payload) == PAYLOAD
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert datetime.fromisoformat(payload["timestamp"]).tzinfo
    return action


def made(given: Report, most: int = 20, *, acknowledge: bool = True) -> list[dict[str, Any]]:
    return events_of(given, most, acknowledge=acknowledge)


class TestPagerDuty(HttpSinkContract):
    sink_type = runner_pagerduty.PAGERDUTY
    secrets = ("routing_key",)

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": f"{receiver.url}/v2/enqueue", "routing_key": "planted-routing-key"}

    def test_the_key_is_in_the_body_alone(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        receiver.status = 202
        self.send(context, self.options(receiver), sample("one critical"))
        (request,) = receiver.requests
        body = request.json()
        assert body.pop("routing_key") == "planted-routing-key"
        assert checked(body) == "trigger"
        assert "planted" not in f"{request.path} {request.headers}"

    def test_an_echo_of_the_key_is_not_shown(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        receiver.status, receiver.body = 400, b'{"errors": ["bad routing_key planted-routing-key"]}'
        error = self._error(self.options(receiver), context)
        assert "bad routing_key ***" in error.message

    def test_many_events_share_the_time(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(
            context, self.options(receiver), report(*(result(f"job-{number}", "unknown") for number in range(60)))
        )
        assert len({request.json()["dedup_key"] for request in receiver.requests}) == 60

    def test_one_that_may_work_later_is_reason_enough(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        receiver.status = 429
        receiver.headers = {"Retry-After": "60"}
        error = self._error(self.options(receiver), context)
        assert getattr(error, "retry_after", None) == 60


def test_what_opened_again_in_the_same_report_is_not_resolved() -> None:
    gone = transition("locks", "recovered", "4242")
    given = report(result("locks", "critical", finding("critical", "waits", "4242"), transitions=(gone,)))
    assert [event["event_action"] for event in made(given)] == ["trigger"]


def test_an_alert_says_where_and_what() -> None:
    row = finding("critical", "1,250,000 dead rows", "public", "orders", database="app", hint="vacuum it")
    (event,) = made(report(result("dead-rows", "critical", row, runbook="https://wiki.example/x")))
    assert event["dedup_key"] == "dead-rows@main/app/public.orders"
    assert event["links"] == [{"href": "https://wiki.example/x", "text": "Runbook"}]
    assert event["payload"]["summary"] == "dead-rows on main/app: 1,250,000 dead rows"
    assert event["payload"]["custom_details"]["hint"] == "vacuum it"
    assert event["payload"]["custom_details"]["row"] == "app/public.orders"


def test_what_recovered_is_resolved_under_the_key_that_it_had() -> None:
    opened = made(report(result("locks", "critical", finding("critical", "waits", "4242"))))
    over = made(report(result("locks", transitions=(transition("locks", "recovered", "4242"),))))
    assert over == [{"event_action": "resolve", "dedup_key": opened[0]["dedup_key"]}]


@pytest.mark.parametrize(
    ("state", "severity"), [("critical", "critical"), ("unknown", "error"), ("warning", "warning")]
)
def test_severities(state: str, severity: str) -> None:
    (event,) = made(report(result("job", state)))
    assert event["payload"]["severity"] == severity


def test_what_is_acknowledged_here_is_acknowledged_there() -> None:
    known = Acknowledgement(job="locks", target="main", series=Series(), state=State.CRITICAL, author="ana", at=NOW)
    given = report(result("locks", "critical", replace(finding("critical", "waits"), acknowledged=known)))
    assert made(given) == [{"event_action": "acknowledge", "dedup_key": "locks@main/"}]
    assert [event["event_action"] for event in made(given, acknowledge=False)] == ["trigger"]


def test_pending_and_learning_call_nobody() -> None:
    waiting = finding("warning", "waits", pending=True)
    assert made(report(result("locks", "ok", waiting), result("growth", "learning"), result("lag", "skipped"))) == []


def test_too_many_problems_are_one_alert_that_is_resolved_when_they_are_fewer() -> None:
    rows = [finding("warning", "late", f"t{number}") for number in range(30)]
    (whole,) = made(report(result("dead-rows", "warning", *rows)))
    assert whole["dedup_key"] == "dead-rows@main"
    assert whole["payload"]["summary"].startswith("dead-rows on main: 30 problems, the first: late")
    gone = tuple(transition("dead-rows", "recovered", f"t{number}") for number in range(25))
    fewer = made(report(result("dead-rows", "warning", *rows[25:], transitions=gone)))
    assert fewer[0] == {"event_action": "resolve", "dedup_key": "dead-rows@main"}
    assert [event["event_action"] for event in fewer] == ["resolve"] * 26 + ["trigger"] * 5


@pytest.mark.parametrize("name", SAMPLES)
def test_every_report_makes_events_that_are_taken(name: str) -> None:
    for event in made(sample(name)):
        checked(event)
        assert len(str(event)) < 512_000


def test_keys_that_are_long_or_strange_are_digests() -> None:
    keys = {
        made(report(result("job", "critical", finding("critical", "x", text))))[0]["dedup_key"]
        for text in ("x" * 300, "é", "a\nb")
    }
    assert {len(key) for key in keys} == {64}
    assert len(keys) == 3


class TestPlugin(PluginContract):
    plugin = runner_pagerduty
