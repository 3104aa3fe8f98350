"""`runner docs`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.app.docs import differing, pages, write
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import complain, say
from runner.cli.loading import load_sound


@click.command("docs", epilog="Example: runner docs --out docs --check")
@click.option("--out", "folder", metavar="DIR", default="", help="Where to write; the home's folder docs unless given.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the files differ from the home.")
@now_option
@click.pass_context
def command(context: click.Context, folder: str, check: bool, now: str) -> int:
    """Write schedule.md, quick-reference.md and procedures.md of this home, and print their paths.

    The same home gives the same pages, so that they can be committed and held current with --check. With --now the
    schedule also names the next three slots after that time.
    """
    loaded = load_sound(context)
    where = Path(folder) if folder else loaded.home.path / "docs"
    made = pages(loaded, where, clock_for(now).now() if now else None)
    if not check:
        for path in write(made):
            say(str(path))
        return exits.OK
    stale = differing(made)
    for page in stale:
        complain(f"{page.path} is not what this home says", "runner docs writes it anew")
    return exits.PROBLEMS if stale else exits.OK
