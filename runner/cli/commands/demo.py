"""`runner demo`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from runner.cli import exits
from runner.cli.console import complain, say


@click.command("demo", epilog="Example: runner demo --clean")
@click.option("--dir", "folder", metavar="DIR", default="", help="A new or empty folder to work in; else one in /tmp.")
@click.option("--clean", is_flag=True, help="Remove the logs and reports as well at the end.")
@click.option(
    "--pg-bin",
    "programs",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder with initdb, pg_ctl and postgres; else the host's, else those of the extra `demo`.",
)
def command(folder: str, clean: bool, programs: Path | None) -> int:
    """Start a PostgreSQL of its own with real problems in it, run the shipped jobs on it, and show what they find.

    Touches no other server, whatever the environment names. Exits 0 when every planted problem was found, else 1.
    """
    from runner.demo.play import play
    from runner.plugins.host import PluginHost

    # A closed terminal must not leave a server behind either.
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    formats = PluginHost({}, no_plugins=True).registry().formats
    page_format = "html" if "html" in formats else "text"
    played = play(say, folder=folder, programs=programs, clean=clean, page_format=page_format)
    say()
    say("== What was planted or done, and the sentence of a report that shows it")
    width = max(len(verdict.what) for verdict in played.verdicts)
    for verdict in played.verdicts:
        mark = _mark() if verdict.found else "MISSING"
        say(f"{mark} {verdict.what.ljust(width)}  {verdict.found or 'no report tells of it'}")
    say()
    found = sum(bool(verdict.found) for verdict in played.verdicts)
    say(f"{found} of {len(played.verdicts)} in {played.seconds:.0f} s. The server is stopped and its data is removed.")
    if played.cleaned:
        say(f"{played.place.root} is removed as well.")
    else:
        say(f"logs     {played.place.logs}")
        say(f"reports  {played.place.reports}")
        say(f"home     {played.place.home}   (runner --home {played.place.home} history dead-rows)")
    if not played.complete:
        complain("the jobs did not find everything that was planted", "the reports above say what they saw instead")
        return exits.PROBLEMS
    return exits.OK


def _mark() -> str:
    try:
        "✓".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return "ok"
    return "✓"
