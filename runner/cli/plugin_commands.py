"""Commands that plugins add: `runner acme.top`. Only a name with a dot makes runner look for one."""

from __future__ import annotations

import click

from runner.api import PluginError
from runner.cli.loading import complain_of, load_for
from runner.cli.stdout import give_back
from runner.model.suggest import did_you_mean
from runner.plugins.registry import resolve


def plugin_command(context: click.Context, name: str) -> click.Command:
    """The click command of this name. Raises UsageError, and PluginError for one that cannot be loaded."""
    context.obj.update(home=context.params["home"], no_plugins=context.params["no_plugins"])
    loaded = load_for(context)
    known = loaded.registry.commands
    if name not in known:
        complain_of(loaded, loaded.host.faults)
        hint = did_you_mean(name, known) or "`runner plugins list` names those of plugins"
        raise click.UsageError(f"there is no command `{name}`: {hint}", context)
    command = resolve(known[name].load)
    if not isinstance(command, click.Command):
        raise PluginError(f"the command `{name}` is {type(command).__name__} and not a command of click")
    # What it prints is its result.
    give_back()
    return command
