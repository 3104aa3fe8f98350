"""The sink `runner.alertmanager`: alerts as the API v2 wants them, and as a real Alertmanager takes them."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen

import pytest
import runner_alertmanager
from runner_alertmanager.alerts import alerts_of, lasting

from runner.api import Report, Transition
from runner.testing import (
    NOW,
    SAMPLES,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    finding,
    free_port,
    open_sink,
    report,
    result,
    running,
    sample,
    transition,
)

STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that break a line or steer a terminal."""


def checked(alerts: list[dict[str, Any]]) -> None:
    """As https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml describes postableAlerts."""
    seen = [tuple(alert["labels"].items()) for alert in alerts]
    assert len(seen) == len(set(seen))
    for alert in alerts:
        assert set(alert) == {"labels", "annotations", "startsAt", "endsAt"}
        assert alert["labels"]["alertname"]
        assert alert["labels"]["severity"] in ("critical", "unknown", "warning")
        for name, text in (alert["labels"] | alert["annotations"]).items():
            assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name)
            assert isinstance(text, str)
            assert not STEERING.search(text)
            assert 0 < len(text) <= 1000
        assert datetime.fromisoformat(alert["startsAt"]) <= datetime.fromisoformat(alert["endsAt"])


def made(given: Report, **labels: str) -> list[dict[str, Any]]:
    return alerts_of(given, labels, None)


class TestAlertmanager(HttpSinkContract):
    sink_type = runner_alertmanager.ALERTMANAGER
    secrets = ("password",)

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": receiver.url, "user": "runner", "password": "planted-password"}

    def test_what_is_posted(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, {**self.options(receiver), "labels": {"team": "db", "group": "x"}}, sample("one critical"))
        (request,) = receiver.requests
        assert (request.method, request.path) == ("POST", "/api/v2/alerts")
        assert request.headers["authorization"].startswith("Basic ")
        (alert,) = request.json()
        assert alert["labels"]["team"] == "db"
        assert (alert["labels"]["group"], alert["labels"]["key_group"]) == ("health", "x")

    def test_nothing_is_sent_when_all_is_well(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample("one ok"))
        assert receiver.requests == []

    def test_one_member_that_takes_them_is_enough(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
        self.send(context, {"url": [nobody, receiver.url]}, sample("one critical"))
        assert len(receiver.requests) == 1


def test_a_problem_fires_until_reports_should_have_come_again() -> None:
    row = finding("critical", "1,250,000 dead rows", "public", "orders", database="app", hint="vacuum it")
    given = result("dead-rows", "critical", row, runbook="https://wiki.example/x")
    given = given.with_outcome(replace(given.outcome, key=("schema", "table")))
    (alert,) = made(report(given))
    assert alert == {
        "labels": {
            "alertname": "dead-rows", "database": "app", "group": "health", "schema": "public", "severity": "critical",
            "table": "orders", "target": "main",
        },
        "annotations": {
            "summary": "1,250,000 dead rows", "description": "Dead rows", "hint": "vacuum it",
            "runbook_url": "https://wiki.example/x",
        },
        "startsAt": "2026-01-05T03:00:00+00:00",
        "endsAt": "2026-01-08T03:00:03+00:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(minutes=1), timedelta(minutes=5)),
        (timedelta(hours=1), timedelta(hours=3)),
        (None, timedelta(hours=4)),
    ],
)
def test_how_long_an_alert_lasts(after: timedelta | None, expected: timedelta) -> None:
    assert lasting(report(next_slot=NOW + after if after else None)) == expected


def labels_of(given: Report) -> list[tuple[str, str]]:
    return [(alert["labels"]["severity"], alert["endsAt"][:10]) for alert in made(given)]


def test_another_severity_is_another_alert_and_the_first_ends() -> None:
    worse = transition("locks", "worsened", "4242", hours=2)
    given = report(result("locks", "critical", finding("critical", "waits", "4242"), transitions=(worse,)))
    assert labels_of(given) == [("warning", "2026-01-05"), ("critical", "2026-01-08")]


def test_what_recovered_ends_with_the_labels_that_it_had() -> None:
    fired = made(report(result("locks", "critical", finding("critical", "waits", "4242"))))[0]
    over = made(report(result("locks", transitions=(transition("locks", "recovered", "4242", hours=2),))))[0]
    assert over["labels"] == fired["labels"]
    assert over["endsAt"] == NOW.isoformat()


def test_what_opened_again_fires() -> None:
    gone = transition("locks", "recovered", "4242", hours=2)
    given = report(result("locks", "critical", finding("critical", "waits", "4242"), transitions=(gone,)))
    assert labels_of(given) == [("critical", "2026-01-08")]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_report_makes_alerts_that_are_taken(name: str) -> None:
    checked(made(sample(name), team="db"))


# ---- the real one


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Alertmanager on the loopback: its URL."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if not program:
        pytest.skip("needs Alertmanager: apt-get install prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("alertmanager")
    (folder / "conf.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    port = free_port()
    words = [
        program, f"--config.file={folder}/conf.yml", f"--storage.path={folder}/data", "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running(words, folder / "log", f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


def firing(url: str) -> dict[str, str]:
    """The alerts that Alertmanager has: name and severity."""
    with urlopen(f"{url}/api/v2/alerts?active=true", timeout=10) as answer:
        return {alert["labels"]["alertname"]: alert["labels"]["severity"] for alert in json.load(answer)}


def now(given: Report) -> Report:
    """The report as if it were made now: Alertmanager ends what is over by its own clock."""
    return replace(given, created=datetime.now(UTC), slot=datetime.now(UTC), next_slot=None)


def over(change: Transition) -> Transition:
    return replace(change, at=datetime.now(UTC))


def test_a_real_alertmanager_fires_and_ends_alerts(alertmanager: str, sink_context: FakeSinkContext) -> None:
    sink = open_sink(runner_alertmanager.ALERTMANAGER, {"url": alertmanager}, sink_context)
    for name in SAMPLES:
        sink.emit(now(sample(name)))
    sink.emit(now(report(result("own-locks", "critical", finding("critical", "waits", "4242")))))
    assert firing(alertmanager)["own-locks"] == "critical"
    worse = over(transition("own-locks", "eased", "4242", hours=2))
    sink.emit(now(report(result("own-locks", "warning", finding("warning", "waits", "4242"), transitions=(worse,)))))
    assert firing(alertmanager)["own-locks"] == "warning"
    gone = over(transition("own-locks", "recovered", "4242", before="warning"))
    sink.emit(now(report(result("own-locks", transitions=(gone,)))))
    assert "own-locks" not in firing(alertmanager)


class TestPlugin(PluginContract):
    plugin = runner_alertmanager
