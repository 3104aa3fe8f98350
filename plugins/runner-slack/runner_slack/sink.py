"""The sink `runner.slack`: one message for each report."""

from __future__ import annotations

import json

from runner.api import Options, Report, SinkContext, http_send
from runner_slack.message import body_of


class Slack:
    """Posts to an incoming webhook. Slack takes about one message a second and says with 429 when to come back.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: 400, 403, 404 and 410 mean that the
    message or the address is wrong.
    """

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context

    def emit(self, report: Report) -> None:
        """Raises SinkError when Slack refuses it, RetryableSinkError when it does not take it now."""
        body = body_of(report, str(self._options.get("mention", "")), int(self._options.get("problems", 20)))
        if self._context.dry_run:
            return
        http_send(
            self._options["url"],
            json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            timeout=self._context.timeout,
        )

    def close(self) -> None:
        """Nothing is kept open."""


def open_slack(options: Options, context: SinkContext) -> Slack:
    return Slack(options, context)
