"""The sink `runner.pagerduty`: events for what is wrong and what is well again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from runner.api import Deadline, Options, Report, RetryableSinkError, Secret, SinkContext, SinkError, http_send
from runner_pagerduty.events import events_of

URL = "https://events.pagerduty.com/v2/enqueue"
_AT_ONCE = 8


class PagerDuty:
    """One request for each event, several at a time. Whatever fails is sent again with all others: events are idempotent.

    https://developer.pagerduty.com/docs/events-api-v2-overview: 202 is taken, 400 is a wrong event, 429 too many.
    """

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        key = options["routing_key"]
        self._key = key if isinstance(key, Secret) else Secret(str(key))

    def emit(self, report: Report) -> None:
        """Raises SinkError when an event is refused, RetryableSinkError when one is not taken now."""
        acknowledge = bool(self._options.get("acknowledge", True))
        found = events_of(report, int(self._options.get("alerts", 20)), acknowledge=acknowledge)
        if self._context.dry_run or not found:
            return
        until = Deadline(self._context.timeout)
        # When a server is gone every job on it has something to say: one after the other would take too long.
        with ThreadPoolExecutor(min(_AT_ONCE, len(found))) as pool:
            failures = [error for error in pool.map(lambda event: self._post(event, until), found) if error]
        if failures:
            # What may work later is worth another try of all.
            raise next((item for item in failures if isinstance(item, RetryableSinkError)), failures[0])

    def close(self) -> None:
        """Nothing is kept open."""

    def _post(self, event: Mapping[str, Any], until: Deadline) -> SinkError | None:
        try:
            http_send(
                self._options.get("url", URL),
                json.dumps({"routing_key": self._key.reveal(), **event}).encode(),
                headers={"Content-Type": "application/json"},
                timeout=until,
                secrets=(self._key,),
            )
        except SinkError as error:
            return error
        return None


def open_pagerduty(options: Options, context: SinkContext) -> PagerDuty:
    return PagerDuty(options, context)
