"""`runner explain`."""

from __future__ import annotations

import click

from runner.app.explain_code import explain_code, is_code, unknown
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say
from runner.cli.loading import load_sound
from runner.errors import ConfigurationError


@click.command("explain", epilog="Example: runner explain unknown-key; runner explain dead-rows")
@click.argument("name", metavar="CODE|JOB")
@now_option
@click.pass_context
def command(context: click.Context, name: str, now: str) -> int:
    """Explain the code of a diagnostic with a wrong and a right example, or the state of a job."""
    if is_code(name):
        say(explain_code(name).rstrip())
        return exits.OK
    try:
        loaded = load_sound(context)
    except ConfigurationError as error:
        raise unknown(name) from error
    if loaded.home.job(name) is None and name not in loaded.home.groups:
        raise unknown(name, [*loaded.home.groups, *(job.name for job in loaded.home.jobs)])
    from runner.app.explain_job import explain_job

    say(explain_job(loaded, name, clock_for(now)).rstrip())
    return exits.OK
