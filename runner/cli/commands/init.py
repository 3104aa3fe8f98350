"""`runner init`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.app.init import init
from runner.cli import exits
from runner.cli.console import say


@click.command("init", epilog="Example: runner init /etc/runner")
@click.argument("folder", default=".", metavar="[DIR]")
def command(folder: str) -> int:
    """Write a home: runner.yaml, .env.example and the shipped jobs. Files that exist stay as they are."""
    home = Path(folder).absolute()
    for item in init(home):
        say(f"{'kept ' if item.kept else 'wrote'} {item.path}")
    say()
    say("Next:")
    say(f"  1. cp {home}/.env.example {home}/.env, and fill in the server")
    say("  2. runner doctor            what is missing, and the SQL for the grants")
    say("  3. runner run db-health-check")
    say("  4. runner crontab install")
    return exits.OK
