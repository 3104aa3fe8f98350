"""What nearly every command does first: load the home, complain, and refuse what is broken."""

from __future__ import annotations

from collections.abc import Iterable

import click

from runner.api import Fault
from runner.app.loading import Loaded, load
from runner.cli.console import complain, say_diagnostics
from runner.model.secret import mask


def load_for(context: click.Context) -> Loaded:
    """The home of this call; nothing is said about its content yet."""
    options = context.find_root().obj
    loaded = load(options.get("home", ""), no_plugins=bool(options.get("no_plugins")))
    options["secrets"] = loaded.home.secrets
    return loaded


def load_sound(context: click.Context) -> Loaded:
    """The home; its errors are told and the jobs that are sound go on. Plugin faults are told too."""
    loaded = load_for(context)
    say_diagnostics(loaded.home.errors, loaded.home.sources)
    complain_of(loaded, loaded.host.faults)
    return loaded


def complain_of(loaded: Loaded, faults: Iterable[Fault]) -> None:
    """Each fault in one line with its advice; what a plugin quotes is masked."""
    secrets = loaded.home.secrets
    for fault in faults:
        complain(mask(f"{fault.where}: {fault.message}", secrets), mask(fault.hint, secrets))
