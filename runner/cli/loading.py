"""What nearly every command does first: load the home, complain, and refuse what is broken."""

from __future__ import annotations

import click

from runner.app.loading import Loaded, load
from runner.cli.console import complain, say_diagnostics


def load_for(context: click.Context) -> Loaded:
    """The home of this call; nothing is said about its content yet."""
    options = context.find_root().obj or {}
    return load(options.get("home", ""), no_plugins=bool(options.get("no_plugins")))


def load_sound(context: click.Context) -> Loaded:
    """The home; its errors are told and the jobs that are sound go on. Plugin faults are told too."""
    loaded = load_for(context)
    say_diagnostics(loaded.home.errors, loaded.home.sources)
    for fault in loaded.host.faults:
        complain(f"{fault.where}: {fault.message}", fault.hint)
    return loaded
