"""The JSON encoding of OTLP: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.

Keys are lowerCamelCase, enumerations are numbers, and 64-bit integers are texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from runner.api import clean

_TEXT = 1000


def attributes(texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Attributes without those that are empty."""
    cleaned = {clean(name, limit=200): clean(text, limit=_TEXT) for name, text in texts.items() if text}
    return [{"key": name, "value": {"stringValue": text}} for name, text in cleaned.items() if name and text]


def nanoseconds(moment: datetime) -> str:
    """Since 1970, as the text of a 64-bit integer; nothing was measured before."""
    return str(max(int(moment.timestamp() * 1_000_000) * 1000, 0))


def gauge(name: str, unit: str, text: str, points: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"name": name, "description": text, "unit": unit, "gauge": {"dataPoints": list(points)}}


def point(value: float, at: datetime, texts: Mapping[str, str]) -> dict[str, Any]:
    return {"attributes": attributes(texts), "timeUnixNano": nanoseconds(at), "asDouble": value}


def record(
    text: str, severity: tuple[int, str], at: datetime, seen: datetime, texts: Mapping[str, str]
) -> dict[str, Any]:
    """`seen` is when the report was made, `at` when it happened."""
    number, word = severity
    return {
        "timeUnixNano": nanoseconds(at),
        "observedTimeUnixNano": nanoseconds(seen),
        "severityNumber": number,
        "severityText": word,
        "body": {"stringValue": clean(text, limit=_TEXT)},
        "attributes": attributes(texts),
    }


def request(signal: str, resource: Mapping[str, str], items: list[dict[str, Any]]) -> dict[str, Any]:
    """An ExportMetricsServiceRequest or ExportLogsServiceRequest."""
    outer, inner, key = {
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal]
    scope = {"scope": {"name": "runner"}, key: items}
    return {outer: [{"resource": {"attributes": attributes(resource)}, inner: [scope]}]}
