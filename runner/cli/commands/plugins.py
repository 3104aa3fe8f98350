"""`runner plugins list`."""

from __future__ import annotations

import click

from runner.cli import exits
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_for


@click.group("plugins")
def command() -> None:
    """List the plugins that were found, loaded or refused."""


@command.command("list", epilog="Example: runner plugins list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def list_plugins(context: click.Context, as_json: bool) -> int:
    """Every plugin with its source, what it registers, and why it was refused."""
    host = load_for(context).host
    registry = host.registry()
    offers: dict[str, list[str]] = {}
    for (category, name), owner in registry.owners.items():
        offers.setdefault(owner, []).append(f"{category.removesuffix('s')} {name}")
    if as_json:
        say_json({"schema": "runner.plugins/1", "plugins": [
            {
                "name": item.name, "source": item.source, "status": item.status.value, "reason": item.reason,
                "hooks": list(item.hooks), "seconds": round(item.seconds, 4), "offers": offers.get(item.name, []),
            }
            for item in host.plugins
        ]})  # fmt: skip
        return exits.OK
    say_table(
        ("plugin", "status", "import", "source", "why"),
        [
            (item.name, item.status.value, f"{item.seconds * 1000:.0f} ms", item.source, item.reason)
            for item in host.plugins
        ],
    )
    for item in host.plugins:
        if names := offers.get(item.name):
            say()
            say(f"{item.name}: {', '.join(sorted(names))}")
    return exits.OK
