"""`runner schema`."""

from __future__ import annotations

import click

from runner.cli import exits
from runner.cli.console import say_json
from runner.cli.loading import load_for
from runner.config.assemble import checks_schema, runner_schema


@click.command("schema", epilog="Example: runner schema checks > schema/checks.schema.json")
@click.argument("which", type=click.Choice(["checks", "runner"]))
@click.pass_context
def command(context: click.Context, which: str) -> int:
    """Print the JSON Schema of the job files or of runner.yaml, plugins included."""
    registry = load_for(context).registry
    say_json(checks_schema(registry) if which == "checks" else runner_schema(registry))
    return exits.OK
