"""`runner run NAME…`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from runner.api import Report
from runner.app.plan import describe_runs
from runner.app.run_job import chosen, places, read_params, run_job
from runner.app.runs import Manner
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import complain, say, tell, write_result
from runner.cli.loading import load_sound
from runner.errors import RunnerError
from runner.model.state import worst
from runner.report.context import renderer


@click.command("run", epilog="Example: runner run db-health-check --target main")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--target", default="", help="Run on this target only.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Set a parameter for this run.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--no-deliver", is_flag=True, help="Record the run, but send no report to any sink.")
@click.option("--format", "format_name", default="text", show_default=True, help="How to print the report.")
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
    loaded = load_sound(context)
    jobs = chosen(loaded, names)
    overrides = read_params(params, jobs)
    render = renderer(loaded.registry.formats, format_name, {}, loaded.home.path)
    if dry_run:
        for line in describe_runs(loaded, places(loaded, jobs, target), overrides):
            say(line)
        return exits.OK
    screens = frozenset(name for name, sink in loaded.home.settings.sinks.items() if sink.type == "stdout")
    manner = Manner(
        overrides=overrides,
        send=not no_deliver,
        skip_sinks=screens,
        tell=tell if sys.stderr.isatty() else lambda _: None,
    )
    ran = run_job(loaded, clock_for(now), names, target, manner)
    _print(ran.reports, render)
    for fault in ran.faults:
        complain(f"{fault.where}: {fault.message}", fault.hint)
    return exits.of_state(worst(report.state for report in ran.reports))


def _print(reports: tuple[Report, ...], render: Callable[[Report], str]) -> None:
    for report in reports:
        text = render(report)
        write_result(text if text.endswith("\n") else f"{text}\n")
