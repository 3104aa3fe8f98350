"""Whole reports on standard output, in a format that was asked for on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from runner.api import Report
from runner.app.loading import Loaded
from runner.app.run_job import known
from runner.cli.console import say_json, write_result
from runner.report.context import renderer


def screens_of(loaded: Loaded) -> frozenset[str]:
    """The sinks that would print beside what is printed anyway."""
    return frozenset(name for name, sink in loaded.home.settings.sinks.items() if sink.type == "stdout")


def printer_of(loaded: Loaded, format_name: str) -> Callable[[Sequence[Report]], None]:
    """Prints one report as it is; several as JSON are one document all the same.

    Raises UsageError for a format that does not exist, PluginError for one that cannot be loaded, before anything is run.
    """
    known("format", [format_name], loaded.registry.formats)
    render = renderer(loaded.registry.formats, format_name, {}, loaded.home.path)

    def write(reports: Sequence[Report]) -> None:
        texts = [render(report) for report in reports]
        if format_name == "json" and len(texts) != 1:
            say_json({"schema": "runner.reports/1", "reports": [json.loads(text) for text in texts]})
            return
        for text in texts:
            write_result(text if text.endswith("\n") else f"{text}\n")

    return write
