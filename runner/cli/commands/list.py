"""`runner list`."""

from __future__ import annotations

import click

from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound
from runner.schedule import following, in_words


@click.command("list", epilog="Example: runner list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(context: click.Context, as_json: bool, now: str) -> int:
    """List the groups and jobs with their schedules in words."""
    home = load_sound(context, kept=True).home
    moment = clock_for(now).now()
    if as_json:
        say_json({"schema": "runner.jobs/1", "jobs": [
            {
                "name": job.name, "kind": job.kind, "group": job.group, "title": job.title, "tags": list(job.tags),
                "schedule": job.schedule.text if job.schedule else None,
                "next": next((slot.isoformat() for slot in following(job.schedule, moment)), None)
                if job.schedule else None,
                "file": str(job.span),
            }
            for job in home.jobs
        ]})  # fmt: skip
        return exits.OK
    for group, title in home.groups.items():
        jobs = [job for job in home.jobs if job.group == group]
        if not jobs:
            continue
        say(f"{group}: {title}")
        schedules = {job.schedule for job in jobs}
        if len(schedules) == 1 and (only := next(iter(schedules))):
            slot = next(iter(following(only, moment)), None)
            say(f"  {in_words(only)}{f', next {slot:%a %d %b %H:%M} UTC' if slot else ''}")
        same = len(schedules) == 1
        rows = [
            (job.name, job.kind, job.title, "" if same else in_words(job.schedule) if job.schedule else "only by name")
            for job in jobs
        ]
        say_table(("job", "kind", "title", "" if same else "schedule"), rows, indent="  ")
        say()
    return exits.OK
