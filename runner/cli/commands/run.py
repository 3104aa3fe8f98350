"""`runner run NAME…`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runner.api import State
from runner.app.plan import describe_runs
from runner.app.run_job import broken_among, chosen, places, read_params, run_job
from runner.app.runs import Manner
from runner.cli import exits
from runner.cli.clocks import clock_that_runs, now_option
from runner.cli.console import complain, say, say_json
from runner.cli.loading import complain_of, load_sound
from runner.cli.printing import printer_of, screens_of
from runner.cli.progress import progress
from runner.errors import RunnerError
from runner.model.state import worst


@click.command("run", epilog="Example: runner run db-health-check --target main")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--target", default="", help="Run on this target only.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Set a parameter for this run.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--no-deliver", is_flag=True, help="Record the run, but send no report to any sink.")
@click.option(
    "--format",
    "format_name",
    default="text",
    show_default=True,
    help="How to print the report; runner plugins list names the formats.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@now_option
@click.pass_context
def command(
    context: click.Context,
    names: tuple[str, ...],
    target: str,
    params: tuple[str, ...],
    dry_run: bool,
    no_deliver: bool,
    format_name: str,
    as_json: bool,
    now: str,
) -> int:
    """Run jobs, groups or `tag:x` now. Exits like a monitoring plugin: 0 ok, 1 warning, 2 critical, 3 unknown."""
    format_name = "json" if as_json else format_name
    try:
        return _run(context, names, target, params, dry_run, no_deliver, format_name, now)
    except RunnerError as error:
        if format_name != "nagios":
            raise
        say(f"UNKNOWN - {error.message}")
        return exits.NAGIOS_UNKNOWN


def _run(
    context: click.Context,
    names: tuple[str, ...],
    target: str,
    params: tuple[str, ...],
    dry_run: bool,
    no_deliver: bool,
    format_name: str,
    now: str,
) -> int:
    loaded = load_sound(context, kept=True, sources="due")
    jobs = chosen(loaded, names)
    overrides = read_params(params, jobs)
    write = printer_of(loaded, format_name)
    where = places(loaded, jobs, target)
    if dry_run:
        from runner.app.dry_run import rehearsed

        clock = clock_that_runs(now)
        lines: list[str] = []
        for place in where:
            lines += describe_runs(loaded, [place], overrides)
            lines += [f"  {line}" for line in rehearsed(loaded, *place, overrides, clock)]
        _say_plan(lines, format_name)
        return exits.OK
    with progress() as (tell, show):
        manner = Manner(overrides=overrides, send=not no_deliver, skip_sinks=screens_of(loaded), tell=tell, show=show)
        ran = run_job(loaded, clock_that_runs(now), names, target, manner)
    write(ran.reports)
    complain_of(loaded, ran.faults)
    state = worst(report.state for report in ran.reports)
    if broken := broken_among(loaded, names):
        complain(f"{', '.join(broken)}: not every job could be used", "runner validate shows why")
        # What could not even be asked is not ok, whatever the others say.
        state = worst((state, State.UNKNOWN)) if format_name == "nagios" else state
        return exits.of_state(state) if state.is_problem else exits.CONFIGURATION
    return exits.of_state(state)


def _say_plan(lines: Sequence[str], format_name: str) -> None:
    if format_name == "json":
        say_json({"schema": "runner.dry_run/1", "lines": list(lines)})
        return
    for line in lines:
        say(line)
