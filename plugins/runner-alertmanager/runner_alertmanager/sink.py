"""The sink `runner.alertmanager`: all alerts of a report in one request to each member of the cluster."""

from __future__ import annotations

import json
from datetime import timedelta

from runner.api import (
    Deadline,
    Options,
    Report,
    RetryableSinkError,
    Secret,
    SinkContext,
    SinkError,
    basic_auth,
    http_send,
    revealed,
)
from runner_alertmanager.alerts import alerts_of, label_name


class Alertmanager:
    """Every member is told, since members do not tell each other of alerts; one that takes them is enough."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        given = options["url"]
        self._urls: list[str | Secret] = list(given) if isinstance(given, (list, tuple)) else [given]
        self._labels = {label_name(name): str(text) for name, text in options.get("labels", {}).items()}
        minutes = options.get("expires_minutes")
        self._expires = timedelta(minutes=minutes) if minutes else None

    def emit(self, report: Report) -> None:
        """Raises what the last member said when none took the alerts."""
        alerts = alerts_of(report, self._labels, self._expires)
        if self._context.dry_run or not alerts:
            return
        body = json.dumps(alerts).encode()
        until = Deadline(self._context.timeout)
        failures: list[SinkError] = []
        for url in self._urls:
            try:
                self._post(url, body, until)
            except SinkError as error:
                failures.append(error)
        if len(failures) == len(self._urls):
            # A member that may come back is worth another try, whatever the others said.
            raise next((item for item in failures if isinstance(item, RetryableSinkError)), failures[-1])

    def close(self) -> None:
        """Nothing is kept open."""

    def _post(self, url: str | Secret, body: bytes, until: Deadline) -> None:
        base = revealed(url).rstrip("/")
        headers: dict[str, str | Secret] = {"Content-Type": "application/json"}
        password = self._options.get("password", "")
        if user := self._options.get("user"):
            word = revealed(password)
            headers["Authorization"] = basic_auth(str(user), word)
        http_send(
            Secret(f"{base}/api/v2/alerts"),
            body,
            headers=headers,
            timeout=until,
            ca_file=str(self._options.get("ca_file", "")),
            secrets=[password] if isinstance(password, Secret) else [],
        )


def open_alertmanager(options: Options, context: SinkContext) -> Alertmanager:
    return Alertmanager(options, context)
