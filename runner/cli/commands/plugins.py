"""`runner plugins list`."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from runner.cli import exits
from runner.cli.console import complain, say, say_json, say_table, tell
from runner.cli.loading import load_for
from runner.errors import ConfigurationError
from runner.plugins.host import PluginHost, PluginInfo, PluginStatus
from runner.plugins.registry import Registry


@click.group("plugins")
def command() -> None:
    """List the plugins that were found, loaded or refused."""


@command.command("list", epilog="Example: runner plugins list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def list_plugins(context: click.Context, as_json: bool) -> int:
    """Every plugin with its version, source, hooks and offers, how long its import took, and why it was refused."""
    host = _host(context)
    offers = _offers(host.registry())
    if as_json:
        say_json({"schema": "runner.plugins/1", "plugins": [
            {
                "name": item.name, "version": item.version, "source": item.source, "status": item.status.value,
                "reason": item.reason, "hooks": list(item.hooks), "seconds": round(item.seconds, 4),
                "offers": offers.get(item.name, []),
            }
            for item in host.plugins
        ], "faults": [{"where": item.where, "message": item.message, "hint": item.hint} for item in host.faults]})  # fmt: skip
        return exits.OK
    say_table(
        ("plugin", "version", "status", "import", "hooks", "source", "why"),
        [
            (
                item.name, item.version or "-", item.status.value, f"{item.seconds * 1000:.0f} ms", _hooks(item),
                item.source, item.reason,
            )
            for item in host.plugins
        ],
    )  # fmt: skip
    for item in host.plugins:
        if names := offers.get(item.name):
            say()
            say(f"{item.name}: {', '.join(sorted(names))}")
    refused = {(f"plugin {item.name}", item.reason) for item in host.plugins if item.status is PluginStatus.REFUSED}
    for fault in host.faults:
        if fault.hint or (fault.where, fault.message) not in refused:
            complain(f"{fault.where}: {fault.message}", fault.hint)
    return exits.OK


def _host(context: click.Context) -> PluginHost:
    """The plugins of the home; without one, as in the folder of a plugin that is being written, those installed."""
    try:
        return load_for(context).host
    except ConfigurationError as error:
        options = context.find_root().obj
        if options.get("home") or os.environ.get("RUNNER_HOME"):
            raise
        tell(f"{error.message.partition(':')[0]}: these are the installed plugins")
        host = PluginHost(os.environ, no_plugins=bool(options.get("no_plugins")))
        options["host"] = host
        return host


def _offers(registry: Registry) -> Mapping[str, list[str]]:
    offers: dict[str, list[str]] = {}
    for (category, name), owner in registry.owners.items():
        offers.setdefault(owner, []).append(f"{category.removesuffix('s')} {name}")
    return offers


def _hooks(item: PluginInfo) -> str:
    """`sinks, tick_started`: what all hooks have in common is left out."""
    return ", ".join(name.removeprefix("runner_").removeprefix("register_") for name in item.hooks) or "-"
