"""The sink `runner.healthchecks`: one ping for each report."""

from __future__ import annotations

from runner.api import Options, Report, RetryableSinkError, Secret, SinkContext, SinkError, State, http_send, revealed
from runner_healthchecks.run import address

# https://healthchecks.io/docs/http_api/#success-uuid: pings beyond five a minute are ignored, with 200 and these words;
# bodies are kept up to the `Ping-Body-Limit`, which was 10,000 bytes at its smallest.
_MOST = 10_000
_NOT_FOUND, _TOO_MANY = b"not found", b"rate limited"


class Healthchecks:
    """The report is the ping's body, so that the check's page shows what was found."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._context, self._render = context, context.format("text")
        given = options["url"]
        self._url = revealed(given)
        self._bad = {State(word) for word in options.get("fail_on", ())}

    def emit(self, report: Report) -> None:
        """Raises SinkError when nobody knows the check, RetryableSinkError when it had too many pings."""
        body = self._render(report).encode("utf-8", "replace")[:_MOST].decode("utf-8", "ignore").encode()
        if self._context.dry_run:
            return
        signal = "fail" if report.state in self._bad else ""
        answer = http_send(
            Secret(address(self._url, signal)),
            body,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=self._context.timeout,
        )
        if _NOT_FOUND in answer.body:
            raise SinkError("nobody knows this check", hint="compare `url` with the ping URL on the check's page")
        if _TOO_MANY in answer.body:
            raise RetryableSinkError("the check had more than five pings in a minute", retry_after=60.0)

    def close(self) -> None:
        """Nothing is kept open."""


def open_healthchecks(options: Options, context: SinkContext) -> Healthchecks:
    return Healthchecks(options, context)
