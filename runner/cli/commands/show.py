"""`runner show JOB`."""

from __future__ import annotations

import click

from runner.app.deciding import targets_of
from runner.app.run_job import chosen
from runner.app.show import show
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json
from runner.cli.loading import load_sound
from runner.schedule import following, in_words


@click.command("show", epilog="Example: runner show dead-rows --origin")
@click.argument("name", metavar="JOB")
@click.option("--origin", is_flag=True, help="Print file:line:column beside each value.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(context: click.Context, name: str, origin: bool, as_json: bool, now: str) -> int:
    """Show one job (or each job of a group) as it takes effect, and where each value comes from."""
    loaded = load_sound(context)
    jobs = chosen(loaded, [name])
    if as_json:
        say_json({"schema": "runner.job/1", "jobs": [
            {
                "name": job.name, "kind": job.kind, "group": job.group,
                "keys": {item.key: {"value": item.value, "origin": item.origin} for item in show(loaded, job)},
            }
            for job in jobs
        ]})  # fmt: skip
        return exits.OK
    moment = clock_for(now).now()
    for job in jobs:
        say(f"{job.kind} {job.name}  ({job.span})")
        if job.schedule:
            slots = ", ".join(f"{slot:%a %d %b %Y %H:%M}" for slot in following(job.schedule, moment, 3))
            say(f"  runs {in_words(job.schedule)}; next: {slots} UTC")
        say(f"  on {', '.join(target or 'this host' for target in targets_of(loaded, job)) or 'no target'}")
        for item in show(loaded, job):
            where = f"    # {item.origin}" if origin else ""
            first, *rest = item.value.splitlines() or [""]
            say(f"  {item.key}: {'|' if rest else first}{where}")
            for line in [first, *rest] if rest else ():
                say(f"    {line}")
        say()
    return exits.OK
