"""`runner run-due`."""

from __future__ import annotations

import time

import click

from runner.app.crontab import own_command
from runner.app.loop import Loop
from runner.app.run_due import run_due
from runner.app.run_job import known
from runner.app.runs import Manner
from runner.app.warm import Starter
from runner.cli import exits
from runner.cli.clocks import clock_that_runs, now_option
from runner.cli.console import complain, say_diagnostics, write_report
from runner.cli.loading import complain_of, load_for, refuse_broken_plugins
from runner.cli.printing import printer_of, screens_of
from runner.cli.stdout import give_back
from runner.clock import SystemClock
from runner.errors import ConfigurationError, ScheduleError, UsageError
from runner.gate import is_closed
from runner.model.quantity import counted, parse_duration
from runner.model.state import worst
from runner.version import VERSION


@click.command("run-due", epilog="Example: * * * * * runner run-due --home /etc/runner")
@now_option
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Look at this group only.")
@click.option("--exit-state", is_flag=True, help="Exit with the worst state found: 0, 1, 2 or 3.")
@click.option("--format", "format_name", metavar="FORMAT", default="", help="Print the reports too, in this format.")
@click.option("--loop", "looping", is_flag=True, help="Go on until SIGTERM, one tick a minute: where there is no cron.")
@click.option("--every", metavar="DURATION", default="", help="With --loop: how often, such as 30s; 1min by default.")
@click.pass_context
def command(
    context: click.Context,
    now: str,
    groups: tuple[str, ...],
    exit_state: bool,
    format_name: str,
    looping: bool,
    every: str,
) -> int:
    """Run what is due, record it, and deliver the reports. Prints nothing when nothing is due.

    Exits 0 when the machinery did its work, whatever the checks found; 4 when a run could not be recorded, a delivery
    was given up or a source of targets cannot be used; 78 when files of the home are broken (the jobs that are sound have run all the same).

    With --format the reports are printed whole beside what the sinks get; sinks of the type stdout are left out then.

    With --loop each tick is a process of its own, as under cron. SIGTERM starts no further one, ends what is running as
    it would end a single tick, waits for it, and exits 143.
    """
    if looping:
        return _loop(context, now, groups, every, format_name, exit_state=exit_state)
    if every:
        raise UsageError("--every goes with --loop", hint="a single tick has no rhythm")
    loaded = load_for(context, kept=True, sources="due")
    refuse_broken_plugins(loaded)
    known("group", groups, {*loaded.home.groups, *loaded.home.broken})
    write = printer_of(loaded, format_name) if format_name else None
    screens = screens_of(loaded) if write else frozenset()
    done = run_due(loaded, clock_that_runs(now), Manner(stdout=write_report, skip_sinks=screens), groups)
    if write and done.ran.reports:
        write(done.ran.reports)
    complain_of(loaded, done.ran.faults)
    if loaded.home.errors:
        say_diagnostics(loaded.home.errors, loaded.home.sources)
        raise ConfigurationError(
            f"{counted(len(loaded.home.errors), 'error')} in {loaded.home.path}; the jobs that are sound were looked at",
            hint="runner validate",
        )
    if done.ran.gave_up or done.ran.not_recorded or loaded.faults:
        return exits.MACHINERY
    if exit_state:
        return exits.of_state(worst(report.state for report in done.ran.reports))
    return exits.OK


def _loop(
    context: click.Context, now: str, groups: tuple[str, ...], every: str, format_name: str, *, exit_state: bool
) -> int:
    if now or exit_state:
        raise UsageError(
            "--loop goes on with the host's clock and has no state to exit with", hint="leave the other out"
        )
    try:
        seconds = parse_duration(every) if every else 60.0
    except ScheduleError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if seconds < 1:
        raise UsageError("--every must be a second or more", hint="--every 1min is what cron does")
    from runner.cli.main import run

    loaded = load_for(context, kept=True)
    home = str(loaded.home.path)
    # What the ticks print is theirs.
    give_back()
    chosen = [word for group in groups for word in ("--group", group)]
    chosen += ["--format", format_name] if format_name else []
    plugins = ["--no-plugins"] if context.obj["no_plugins"] else []
    words = ["--home", home, *plugins, "run-due", *chosen]
    starter = Starter(loaded, lambda: run(words), [*own_command(), *words])
    Loop(
        start=starter.start,
        every=seconds,
        clock=SystemClock(),
        sleep=time.sleep,
        tell=complain,
        quiet=lambda: not (chosen or plugins) and is_closed(home, VERSION, time.time()),
    ).run()
    return exits.OK
