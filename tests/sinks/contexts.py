"""What the sinks of the tests are handed: the real formats, and what a test says differently."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.api import Sink
from runner.model.home import Home, Settings, SinkSettings
from runner.plugins.host import PluginHost
from runner.report.context import open_sink

REGISTRY = PluginHost({}, no_plugins=True).registry()


def sink(
    type_: str,
    home: Path,
    *,
    dry_run: bool = False,
    timeout: float = 5.0,
    format_: str = "",
    allow: frozenset[str] = frozenset({"command"}),
    **options: object,
) -> Sink:
    """A sink of this type as runner opens it, with these options."""
    settings = SinkSettings(name="receiver", type=type_, options=options, timeout=timeout, format=format_)
    here = Home(path=home, settings=replace(Settings(), allow=allow))
    return open_sink(settings, here, REGISTRY, print, dry_run=dry_run)
