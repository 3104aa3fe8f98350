"""A new distribution with a format."""

from __future__ import annotations

SUMMARY = "One line for each job, its state first"

USE = """\
```yaml
# runner.yaml
sinks:
  @word@: {type: log_file, path: @word@.log, format: @name@}
```

`runner status --format @name@` shows it.
"""

PACKAGE = '''\
"""What this plugin adds to runner. It is imported at every tick, so it imports nothing that costs time."""

from __future__ import annotations

from runner.api import Format, hookimpl

__runner_api__ = (1, 0)

OPTIONS = {
    "separator": {
        "type": "string",
        "description": "What stands between the parts of a line; a blank by default.",
        "examples": [" | "],
    }
}


@hookimpl
def runner_register_formats() -> list[Format]:
    return [
        Format(
            name="@name@",
            summary="@summary@",
            media_type="text/plain; charset=utf-8",
            extension="txt",
            render="@package@.@module@:render",
            options=OPTIONS,
        )
    ]
'''

MODULE = '''\
"""The format `@name@`: a pure function from a report to text."""

from __future__ import annotations

from runner.api import FormatContext, Options, Report, clean


def render(report: Report, options: Options, context: FormatContext) -> str:
    """The same report makes the same text. What came from a database is cleaned of escapes and line breaks."""
    separator = str(options.get("separator", " "))
    lines = [clean(f"{report.title}: {report.state.value}")]
    for result in report.results:
        parts = (result.state.value, result.job, result.target, result.outcome.summary)
        lines.append(separator.join(clean(part) for part in parts if part))
    return "".join(f"{line}\\n" for line in lines)
'''

TEST = '''\
"""The plugin, its format, and what it writes."""

from __future__ import annotations

import @package@ as plugin
from runner.testing import FormatContract, PluginContract, RunnerHome, render, report, result

(FORMAT,) = plugin.runner_register_formats()


class TestPlugin(PluginContract):
    """Inherits the tests of every plugin."""

    plugin = plugin


class TestFormat(FormatContract):
    """Inherits the tests of every format."""

    format = FORMAT


def test_what_is_written() -> None:
    made = report(result("dead-rows", "critical", summary="2 tables"))
    assert render(FORMAT, made) == "Daily health check: critical\\ncritical dead-rows main 2 tables\\n"
    assert "critical|dead-rows" in render(FORMAT, made, {"separator": "|"})


def test_in_a_home(runner_home: RunnerHome) -> None:
    runner_home.write(
        "runner.yaml",
        """
        version: 1
        sinks:
          @word@: {type: log_file, path: @word@.log, format: @name@}
        """,
    )
    called = runner_home.runner("sinks", "test", "@word@")
    assert called.code == 0, called.err
    assert (runner_home.path / "@word@.log").read_text().startswith("Test of a sink: ok\\n")
'''
