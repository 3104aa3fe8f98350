"""`runner unsilence`."""

from __future__ import annotations

import click

from runner.app.silencing import remove
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.commands.silence import show
from runner.cli.console import say
from runner.cli.loading import load_sound
from runner.errors import UsageError


@click.command("unsilence", epilog="Example: runner unsilence s1")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="End every silence that was set by command.")
@click.option("--json", "as_json", is_flag=True, help="Print what was ended as JSON.")
@now_option
@click.pass_context
def command(context: click.Context, ids: tuple[str, ...], everything: bool, as_json: bool, now: str) -> int:
    """End silences before their time. Those of runner.yaml are ended there."""
    if bool(ids) == everything:
        raise UsageError("name a silence, or ask for `--all`", hint="runner silence --list shows them")
    loaded = load_sound(context, kept=True)
    ended = remove(loaded, ids, clock_for(now).now(), everything=everything)
    if as_json:
        show(ended, as_json=True)
        return exits.OK
    for item in ended:
        say(f"{item.id} is over: {' '.join(item.jobs)} ({item.reason})")
    if not ended:
        say("there was no silence to end")
    return exits.OK
