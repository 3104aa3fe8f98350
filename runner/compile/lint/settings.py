"""Advice about runner.yaml: silences that are over, routes that lead nowhere, sinks that nothing reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase

from runner.compile.lint.places import advice
from runner.model.diagnostic import Diagnostic
from runner.model.home import Settings


def about_settings(settings: Settings, now: datetime) -> Iterator[Diagnostic]:
    """What stands in runner.yaml and has no effect."""
    for silence in settings.silences:
        if silence.until is not None and silence.until <= now:
            message = f"this silence ended on {silence.until:%Y-%m-%d %H:%M}"
            yield advice("expired-silence", silence.span, message, "remove it, or give it a later `until:`")
    for route in settings.routes:
        if not route.sinks:
            yield advice("bad-route", route.span, "this route leads to no sink", "name one in `sinks:`, or remove it")
    for name, sink in settings.sinks.items() if settings.routes else ():
        if not any(fnmatchcase(name, pattern) for route in settings.routes for pattern in route.sinks):
            message = f"no route leads to the sink `{name}`, so it gets nothing"
            yield advice("unused-sink", sink.span, message, f"add a route with `sinks: [{name}]`, or remove the sink")
