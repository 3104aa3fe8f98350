"""The sink `runner.otlp`: what it sends is decoded with the protocol's own messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import runner_otlp
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from runner.api import RetryableSinkError, SinkError
from runner.testing import (
    NOW,
    SAMPLES,
    STEERING,
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


def decoded(receiver: HttpReceiver) -> tuple[Any, Any]:
    """The two requests; a key or a value that the protocol does not know is an error."""
    metrics, logs = receiver.requests
    assert (metrics.path, logs.path) == ("/v1/metrics", "/v1/logs")
    assert metrics.headers["content-type"] == "application/json"
    return Parse(metrics.body, ExportMetricsServiceRequest()), Parse(logs.body, ExportLogsServiceRequest())


def points(metrics: Any) -> Iterator[tuple[str, str, dict[str, str], float]]:
    for metric in metrics.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.gauge.data_points:
            yield metric.name, metric.unit, texts(point.attributes), point.as_double


def texts(attributes: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in attributes}


def records(logs: Any) -> list[tuple[int, str, str]]:
    found = logs.resource_logs[0].scope_logs[0].log_records
    return [(item.severity_number, item.severity_text, item.body.string_value) for item in found]


class TestOtlp(HttpSinkContract):
    sink_type = runner_otlp.OTLP
    secrets = ()
    statuses = {408: SinkError, 425: SinkError, 500: SinkError, 429: RetryableSinkError}

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": receiver.url, "headers": {"Authorization": "Bearer planted-token"}}

    def test_no_header_is_shown(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        receiver.status, receiver.body = 401, b"bad token planted-token"
        assert "bad token ***" in self._error(self.options(receiver), context).message

    @pytest.mark.parametrize("name", SAMPLES)
    def test_the_protocol_understands_every_report(
        self, name: str, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        self.send(context, self.options(receiver), sample(name))
        metrics, logs = decoded(receiver)
        assert metrics.ByteSize() > 0
        assert texts(logs.resource_logs[0].resource.attributes)["service.name"] == "runner"
        assert not any(STEERING.search(text) for _, _, text in records(logs))
        assert all(name.isascii() for name, *_ in points(metrics))

    def test_metrics_and_logs(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        row = finding("critical", "1,250,000 dead rows", "public", "orders", database="app")
        gone = transition("locks", "recovered", "4242", message="pid 4242 waited")
        self.send(
            context,
            {**self.options(receiver), "resource": {"deployment.environment.name": "test"}},
            report(result("dead-rows", "critical", row), result("locks", transitions=(gone,))),
        )
        metrics, logs = decoded(receiver)
        labels = {"runner.job": "dead-rows", "runner.target": "main", "runner.group": "health", "state": "critical"}
        found = list(points(metrics))
        assert ("runner.job.state", "1", labels, 1.0) in found
        assert ("runner.job.findings", "{finding}", labels, 1.0) in found
        assert records(logs) == [
            (21, "FATAL", "Daily health check: 1 ok, 1 critical"),
            (21, "FATAL", "dead-rows: 1,250,000 dead rows"),
            (9, "INFO", "locks: recovered: pid 4242 waited"),
        ]
        log = logs.resource_logs[0].scope_logs[0].log_records[1]
        assert log.observed_time_unix_nano == (int(NOW.timestamp()) + 3) * 10**9
        assert texts(log.attributes)["db.namespace"] == "app"
        assert texts(log.attributes)["runner.row"] == "public.orders"
        assert texts(metrics.resource_metrics[0].resource.attributes)["deployment.environment.name"] == "test"

    def test_numbers_have_their_units(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample("numbers"))
        metrics, _ = decoded(receiver)
        values = [(name, unit, value) for name, unit, _, value in points(metrics)]
        assert ("runner.value.used", "1", 42) in values
        assert ("runner.value.share", "1", 0.433) in values
        names = {name for name, *_ in values}
        assert {"runner.value.nan", "runner.value.endless", "runner.value.none"} & names == set()

    def test_values_are_bounded(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, {**self.options(receiver), "values": 1}, sample("numbers"))
        metrics, _ = decoded(receiver)
        assert len([name for name, *_ in points(metrics) if name.startswith("runner.value.")]) == 1

    def test_records_are_bounded(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, {**self.options(receiver), "signals": ["logs"]}, sample("500 findings"))
        (request,) = receiver.requests
        found = records(Parse(request.body, ExportLogsServiceRequest()))
        assert len(found) == 501
        assert found[-1][2] == "and 1 more"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (
                {"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "too\nmany"}},
                "3 items of the metrics: too many",
            ),
            ({"partialSuccess": {"rejectedLogRecords": 1}}, "1 items of the"),
        ],
    )
    def test_what_the_collector_rejects_is_told(
        self, body: dict[str, object], said: str, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.body = json.dumps(body).encode()
        error = self._error(self.options(receiver), context)
        assert not isinstance(error, RetryableSinkError)
        assert said in error.message

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b'{"partialSuccess": {"errorMessage": "mind this"}}', b'{"partialSuccess": 7}']
    )
    def test_a_warning_or_no_body_is_good(self, body: bytes, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        receiver.body = body
        self.send(context, self.options(receiver), sample("one critical"))


class TestPlugin(PluginContract):
    plugin = runner_otlp
