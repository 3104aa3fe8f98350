"""`runner crontab show|install|remove`."""

from __future__ import annotations

import click

from runner.app.crontab import Crontab, entries, lines, machine_timezone, marker, merge, own_command, preview, remove
from runner.app.timers import kubernetes, systemd
from runner.cli import exits
from runner.cli.console import say, tell
from runner.cli.loading import load_sound
from runner.errors import UsageError
from runner.model.home import Home

_per_job = click.option("--per-job", is_flag=True, help="One line for each group instead of one for all.")


@click.group("crontab")
def command() -> None:
    """Show, install or remove the lines that call `runner run-due`."""


@command.command("show", epilog="Example: runner crontab show --format systemd")
@_per_job
@click.option(
    "--format", "format_name", type=click.Choice(["crontab", "systemd", "kubernetes"]), default="crontab",
    help="What to print.",
)  # fmt: skip
@click.pass_context
def show(context: click.Context, per_job: bool, format_name: str) -> int:
    """Print what would be installed, and change nothing."""
    home = load_sound(context).home
    if format_name == "crontab":
        for line in _lines(home, per_job=per_job):
            say(line)
        return exits.OK
    write = systemd if format_name == "systemd" else kubernetes
    say(write(home, entries(home, own_command(), per_job=per_job)).rstrip("\n"))
    return exits.OK


@command.command("install", epilog="Example: runner crontab install --yes")
@_per_job
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def install(context: click.Context, per_job: bool, yes: bool) -> int:
    """Show every job with its schedule, ask, and write the marked lines. Other lines stay as they are."""
    home = load_sound(context).home
    ours = _lines(home, per_job=per_job)
    crontab = Crontab()
    existing = crontab.read()
    say(preview(home, ours))
    wanted = merge(existing, ours, marker(home))
    if wanted == existing:
        say("These lines are installed already.")
        return exits.OK
    if not yes:
        _ask("Write these lines to the crontab?")
    crontab.write(wanted)
    word = marker(home).split()[0]
    say(f"Installed. `crontab -l | grep {word}` lists them, `runner crontab remove` takes them out again.")
    return exits.OK


@command.command("remove", epilog="Example: runner crontab remove --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def remove_lines(context: click.Context, yes: bool) -> int:
    """Take this home's lines out of the crontab. Other lines stay as they are."""
    home = load_sound(context).home
    crontab = Crontab()
    existing = crontab.read()
    wanted = remove(existing, marker(home))
    if wanted == existing:
        say("The crontab holds no line of this home.")
        return exits.OK
    for line in existing.splitlines():
        if line not in wanted.splitlines():
            say(line)
    if not yes:
        _ask("Remove these lines from the crontab?")
    crontab.write(wanted)
    say("Removed.")
    return exits.OK


def _lines(home: Home, *, per_job: bool) -> tuple[str, ...]:
    return lines(home, own_command(), per_job=per_job, machine_zone=machine_timezone())


def _ask(question: str) -> None:
    try:
        agreed = click.confirm(question)
    except click.Abort as error:
        raise UsageError("nobody answered, so nothing was changed", hint="--yes writes without asking") from error
    if not agreed:
        tell("Nothing was changed.")
        raise click.exceptions.Exit(exits.PROBLEMS)
