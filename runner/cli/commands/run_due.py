"""`runner run-due`."""

from __future__ import annotations

import click

from runner.app.run_due import run_due
from runner.app.run_job import known
from runner.app.runs import Manner
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say_diagnostics, write_result
from runner.cli.loading import complain_of, load_for
from runner.errors import ConfigurationError
from runner.model.state import worst


@click.command("run-due", epilog="Example: * * * * * runner run-due --home /etc/runner")
@now_option
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Look at this group only.")
@click.option("--exit-state", is_flag=True, help="Exit with the worst state found: 0, 1, 2 or 3.")
@click.pass_context
def command(context: click.Context, now: str, groups: tuple[str, ...], exit_state: bool) -> int:
    """Run what is due, record it, and deliver the reports. Prints nothing when nothing is due.

    Exits 0 when the machinery did its work, whatever the checks found; 4 when a run could not be recorded or a
    delivery was given up; 78 when files of the home are broken (the jobs that are sound have run all the same).
    """
    loaded = load_for(context)
    known("group", groups, {*loaded.home.groups, *loaded.home.broken})
    done = run_due(loaded, clock_for(now), Manner(stdout=write_result), groups)
    complain_of(loaded, done.ran.faults)
    if loaded.home.errors:
        say_diagnostics(loaded.home.errors, loaded.home.sources)
        raise ConfigurationError(
            f"{len(loaded.home.errors)} errors in {loaded.home.path}; the jobs that are sound were looked at",
            hint="runner validate",
        )
    if done.ran.gave_up or done.ran.not_recorded:
        return exits.MACHINERY
    if exit_state:
        return exits.of_state(worst(report.state for report in done.ran.reports))
    return exits.OK
