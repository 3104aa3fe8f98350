"""A new distribution with a sink."""

from __future__ import annotations

SUMMARY = "Posts each report as one JSON document to a URL"

USE = """\
```yaml
# runner.yaml
sinks:
  @word@:
    type: @name@
    url: ${@URL@}           # a secret: it stands in .env
    send: [problems, recovered]
```

`runner sinks test @word@` sends it a report that is a test.
"""

PACKAGE = '''\
"""What this plugin adds to runner. It is imported at every tick, so it imports nothing that costs time."""

from __future__ import annotations

from runner.api import SinkType, hookimpl

__runner_api__ = (1, 0)

URL = {
    "type": "string",
    "minLength": 1,
    "writeOnly": True,
    "description": "Where reports are posted.",
    "examples": ["${@URL@}"],
}


@hookimpl
def runner_register_sinks() -> list[SinkType]:
    return [
        SinkType(
            type="@name@",
            summary="@summary@",
            open="@package@.@module@:@Class@",
            options={"url": URL},
            required=("url",),
        )
    ]
'''

MODULE = '''\
"""The sink `@name@`."""

from __future__ import annotations

from runner.api import Options, Report, SinkContext, http_send


class @Class@:
    """Posts each report as one JSON document."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._url = options["url"]
        self._context = context
        self._render = context.format("json_lines")

    def emit(self, report: Report) -> None:
        """Delivers one report. `http_send` raises SinkError or RetryableSinkError, whichever the answer means."""
        body = self._render(report).encode()
        if self._context.dry_run:
            return
        # The same report may come twice: the receiver can drop what it knows already.
        headers = {"Content-Type": "application/json", "Idempotency-Key": report.id}
        http_send(self._url, body, headers=headers, timeout=self._context.timeout)

    def close(self) -> None:
        """Nothing is kept open."""
'''

TEST = '''\
"""The plugin, its sink, and what arrives."""

from __future__ import annotations

import @package@ as plugin
from runner.testing import (
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    RunnerHome,
    open_sink,
    report,
    result,
)

(SINK,) = plugin.runner_register_sinks()


class TestPlugin(PluginContract):
    """Inherits the tests of every plugin."""

    plugin = plugin


class TestSink(HttpSinkContract):
    """Inherits the tests of every sink that speaks HTTP."""

    sink_type = SINK


def test_what_is_sent(sink_context: FakeSinkContext, http_receiver: HttpReceiver) -> None:
    sink = open_sink(SINK, {"url": f"{http_receiver.url}/hook"}, sink_context)
    sink.emit(report(result("dead-rows", "critical")))
    sink.close()
    (request,) = http_receiver.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.json()["state"] == "critical"


def test_in_a_home(runner_home: RunnerHome, http_receiver: HttpReceiver) -> None:
    runner_home.write(
        "runner.yaml",
        f"""
        version: 1
        sinks:
          @word@: {{type: @name@, url: "{http_receiver.url}"}}
        """,
    )
    called = runner_home.runner("sinks", "test", "@word@")
    assert called.code == 0, called.err
    assert len(http_receiver.requests) == 1
'''
