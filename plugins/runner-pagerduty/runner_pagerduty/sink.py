"""The sink `runner.pagerduty`: events for what is wrong and what is well again."""

from __future__ import annotations

import json

from runner.api import Deadline, Options, Report, Secret, SinkContext, http_send
from runner_pagerduty.events import events_of

URL = "https://events.pagerduty.com/v2/enqueue"


class PagerDuty:
    """One request for each event. Whatever fails in the middle is sent again from the start: events are idempotent.

    https://developer.pagerduty.com/docs/events-api-v2-overview: 202 is taken, 400 is a wrong event, 429 too many.
    """

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        key = options["routing_key"]
        self._key = key if isinstance(key, Secret) else Secret(str(key))

    def emit(self, report: Report) -> None:
        """Raises SinkError when an event is refused, RetryableSinkError when it is not taken now."""
        acknowledge = bool(self._options.get("acknowledge", True))
        found = list(events_of(report, int(self._options.get("alerts", 20)), acknowledge=acknowledge))
        if self._context.dry_run:
            return
        until = Deadline(self._context.timeout)
        for event in found:
            body = json.dumps({"routing_key": self._key.reveal(), **event}).encode()
            http_send(
                self._options.get("url", URL),
                body,
                headers={"Content-Type": "application/json"},
                timeout=until,
                secrets=(self._key,),
            )

    def close(self) -> None:
        """Nothing is kept open."""


def open_pagerduty(options: Options, context: SinkContext) -> PagerDuty:
    return PagerDuty(options, context)
