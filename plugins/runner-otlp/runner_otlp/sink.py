"""The sink `runner.otlp`: one request with metrics and one with logs for each report."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from runner.api import Deadline, HttpAnswer, Options, Report, Secret, SinkContext, SinkError, clean, http_send
from runner_otlp.encoding import request
from runner_otlp.signals import metrics_of, records_of

URL = "http://localhost:4318"
RETRYABLE = frozenset({429, 502, 503, 504})
"""All others must not be tried again: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes."""


class Otlp:
    """Metrics carry the time at which they were measured: what comes twice is the same points."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        self._resource = {"service.name": "runner", "host.name": socket.gethostname(), **options.get("resource", {})}
        given: Mapping[str, str | Secret] = options.get("headers", {})
        hidden = {name: value if isinstance(value, Secret) else Secret(str(value)) for name, value in given.items()}
        self._headers: dict[str, str | Secret] = {**hidden, "Content-Type": "application/json"}

    def emit(self, report: Report) -> None:
        """Raises SinkError also when the collector takes only a part of it, RetryableSinkError for RETRYABLE."""
        signals = self._options.get("signals", ("metrics", "logs"))
        items: dict[str, list[dict[str, Any]]] = {}
        if "metrics" in signals:
            items["metrics"] = metrics_of(report, int(self._options.get("values", 2000)))
        if "logs" in signals:
            items["logs"] = records_of(report)
        if self._context.dry_run:
            return
        until = Deadline(self._context.timeout)
        for signal, found in items.items():
            answer = http_send(
                f"{str(self._options.get('url', URL)).rstrip('/')}/v1/{signal}",
                json.dumps(request(signal, self._resource, found), allow_nan=False).encode(),
                headers=self._headers,
                timeout=until,
                ca_file=str(self._options.get("ca_file", "")),
                retry_on=RETRYABLE,
            )
            _look(signal, answer)

    def close(self) -> None:
        """Nothing is kept open."""


def open_otlp(options: Options, context: SinkContext) -> Otlp:
    return Otlp(options, context)


def _look(signal: str, answer: HttpAnswer) -> None:
    """A part that was rejected is lost, and must not be sent again: …/otlp/#partial-success-1."""
    try:
        partial = json.loads(answer.body).get("partialSuccess") or {}
        rejected = int(partial.get("rejectedDataPoints") or partial.get("rejectedLogRecords") or 0)
        said = str(partial.get("errorMessage", ""))
    except (ValueError, AttributeError, TypeError):
        return
    if rejected > 0:
        raise SinkError(f"the collector rejected {rejected:,} items of the {signal}: {clean(said, limit=200)}")
