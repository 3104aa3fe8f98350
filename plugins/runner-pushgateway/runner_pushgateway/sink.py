"""The sink `runner.pushgateway`: replaces the metrics of a group by those of its newest report."""

from __future__ import annotations

import base64

from runner.api import Options, Report, Secret, SinkContext, basic_auth, clean, http_send, revealed


class Pushgateway:
    """PUT replaces all metrics with the same grouping key: https://github.com/prometheus/pushgateway#put-method."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        self._render = context.format("prometheus")

    def emit(self, report: Report) -> None:
        """Raises SinkError when the metrics are refused (400), RetryableSinkError when they are not taken now."""
        text = self._render(report)
        if self._context.dry_run:
            return
        password = self._options.get("password", "")
        headers: dict[str, str | Secret] = {"Content-Type": self._context.format_of("prometheus").media_type}
        if user := self._options.get("user"):
            word = revealed(password)
            headers["Authorization"] = basic_auth(str(user), word)
        http_send(
            self._address(report),
            text.encode(),
            method="PUT",
            headers=headers,
            timeout=self._context.timeout,
            ca_file=str(self._options.get("ca_file", "")),
            secrets=[password] if isinstance(password, Secret) else [],
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _address(self, report: Report) -> str:
        labels = {"job": str(self._options.get("job", "runner")), "group": clean(report.group, limit=200)}
        if instance := self._options.get("instance"):
            labels["instance"] = str(instance)
        return f"{str(self._options['url']).rstrip('/')}/metrics/" + "/".join(
            f"{name}@base64/{encoded(text)}" for name, text in labels.items()
        )


def open_pushgateway(options: Options, context: SinkContext) -> Pushgateway:
    return Pushgateway(options, context)


def encoded(text: str) -> str:
    """A value as a part of the path; `=` stands for an empty one: https://github.com/prometheus/pushgateway#url."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode() or "="
