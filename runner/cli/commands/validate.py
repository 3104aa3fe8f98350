"""`runner validate`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from runner.app.loading import Loaded
from runner.app.validate import Validation, validate
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_diagnostics
from runner.cli.loading import complain_of, load_for
from runner.config.outputs import as_github, as_json, as_sarif
from runner.model.diagnostic import Severity
from runner.model.quantity import counted


@click.command("validate", epilog="Example: runner validate --connect --format github")
@click.option("--connect", is_flag=True, help="Ask every server about the SQL that it would get, without running it.")
@click.option("--strict", is_flag=True, help="Count warnings as problems.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="github: annotations of a workflow; sarif: a log for code scanning.",
)
@click.option("--json", "as_json_text", is_flag=True, help="The same as --format json.")
@now_option
@click.pass_context
def command(context: click.Context, connect: bool, strict: bool, form: str, as_json_text: bool, now: str) -> int:
    """Check every file of the home: all errors, and advice, in one go.

    Without --connect no server is asked. Exits 0 when there is no error, 1 when there is one.
    """
    loaded = load_for(context, sources="due" if connect else "known")
    found = validate(loaded, clock_for(now).now(), connect=connect)
    _show(loaded, found, "json" if as_json_text else form)
    complain_of(loaded, loaded.host.faults)
    problems = found.count(Severity.ERROR) + (found.count(Severity.WARNING) if strict else 0)
    return exits.PROBLEMS if problems else exits.OK


def _show(loaded: Loaded, found: Validation, form: str) -> None:
    if form == "text":
        say_diagnostics(found.diagnostics, found.sources)
        say(_total(loaded, found))
    elif form == "json":
        say(as_json(found.diagnostics))
    elif form == "sarif":
        say(as_sarif(found.diagnostics, _folder(loaded.home.path)))
    elif text := as_github(found.diagnostics, _folder(loaded.home.path)):
        say(text)


def _folder(home: Path) -> str:
    """From here to the home, or the home's whole path when it does not lie below."""
    here = os.path.relpath(home)
    return Path(home).as_posix() if here.startswith("..") else Path(here).as_posix()


def _total(loaded: Loaded, found: Validation) -> str:
    home = loaded.home
    groups = len({job.group for job in home.jobs})
    return (
        f"{counted(len(home.jobs), 'job')} in {counted(groups, 'group')}, {counted(len(home.targets), 'target')}: "
        f"{counted(found.count(Severity.ERROR), 'error')}, {counted(found.count(Severity.WARNING), 'warning')}"
    )
