"""What nearly every command does first: load the home, complain, and refuse what is broken."""

from __future__ import annotations

from collections.abc import Iterable

import click

from runner.api import Fault, PluginError
from runner.app.loading import Loaded, Sources, load
from runner.cli.console import complain, say_diagnostics
from runner.cli.stdout import keep_apart
from runner.model.secret import mask


def load_for(context: click.Context, *, kept: bool = False, sources: Sources = "known") -> Loaded:
    """The home of this call; nothing is said about its content yet. `kept`: as the last tick compiled it."""
    options = context.find_root().obj
    keep_apart()
    loaded = load(options.get("home", ""), no_plugins=bool(options.get("no_plugins")), kept=kept, sources=sources)
    options.update(secrets=loaded.home.secrets, host=loaded.host)
    return loaded


def load_sound(context: click.Context, *, kept: bool = False, sources: Sources = "known") -> Loaded:
    """The home; its errors are told and the jobs that are sound go on. Plugin faults are told too."""
    loaded = load_for(context, kept=kept, sources=sources)
    refuse_broken_plugins(loaded)
    say_diagnostics(loaded.home.errors, loaded.home.sources)
    complain_of(loaded, loaded.host.faults)
    return loaded


def refuse_broken_plugins(loaded: Loaded) -> None:
    """With RUNNER_STRICT_PLUGINS=1 nothing is begun while a plugin has a fault. Raises PluginError."""
    if loaded.host.strict and loaded.host.faults:
        complain_of(loaded, loaded.host.faults)
        raise PluginError("RUNNER_STRICT_PLUGINS is set, and a plugin has a fault", hint="runner plugins list")


def complain_of(loaded: Loaded, faults: Iterable[Fault]) -> None:
    """Each fault in one line with its advice; what a plugin quotes is masked."""
    secrets = loaded.home.secrets
    for fault in faults:
        complain(mask(f"{fault.where}: {fault.message}", secrets), mask(fault.hint, secrets))
