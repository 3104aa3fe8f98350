"""`runner import`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from runner.app.imports.importing import Imported, import_files
from runner.app.imports.readers import Source
from runner.cli import exits
from runner.cli.console import say, tell, write_result
from runner.cli.keeping import keep
from runner.cli.loading import load_sound
from runner.model.quantity import counted

_SOURCES = ("auto", "nagios", "icinga", "nrpe", "crontab", "pgwatch")


@click.command("import", epilog="Example: runner import /etc/nagios/nrpe.d/postgres.cfg --dry-run")
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from", "source", type=click.Choice(_SOURCES), default="auto", help="What the files are; else looked at."
)
@click.option("--into", "group", metavar="GROUP", default="", help="The file of checks.d; else `imported`, a new one.")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.pass_context
def command(context: click.Context, files: tuple[Path, ...], source: str, group: str, dry_run: bool) -> int:
    """Turn command lines of check_postgres and check_pgactivity, and pgwatch's metrics, into checks.

    Lines are found in Nagios object files, Icinga 2 files, NRPE files and crontabs. Thresholds stay as they are. What
    cannot be carried over is told with its place, and passwords are never printed or written.

    Exits 0 when everything was carried over, 1 when something was not.
    """
    loaded = load_sound(context)
    kind = None if source == "auto" else cast("Source", source)
    found = import_files(loaded, files, source=kind, group=group.removesuffix(".yaml"))
    if dry_run and found.made:
        write_result(found.made.added)
    written = "" if dry_run or not found.made else keep(context, loaded, found.made, found.names)
    _tell(found)
    if written:
        say(f"wrote {written}: {counted(len(found.names), 'check')}")
        say()
        say("Next:")
        say("  1. runner validate")
        say(f"  2. runner run {Path(written).stem}")
        say("  3. runner doctor --grants        the SQL for the rights that they need")
        say("  4. runner crontab show           whether cron calls runner already")
    elif not found.made and not found.lost:
        tell("runner: no line of check_postgres, check_pgactivity or pgwatch was found")
    refused = bool(found.made) and not written and not dry_run
    return exits.PROBLEMS if found.lost or refused or not found.made else exits.OK


def _tell(found: Imported) -> None:
    if found.lost:
        tell("not carried over:")
    for item in found.lost:
        tell(f"  {item.span}: {item.what}: {item.why}")
    if found.lacking:
        tell("add to runner.yaml what these servers are, and import again:")
        for line in found.lacking:
            tell(f"  {line}")
    if found.notes:
        tell("what differs:")
    for note in found.notes:
        tell(f"  {note}")
