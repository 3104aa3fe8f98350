"""`runner history JOB`."""

from __future__ import annotations

from datetime import timedelta

import click

from runner.app.run_job import chosen
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound
from runner.errors import ScheduleError, UsageError
from runner.model.quantity import parse_duration, show_duration
from runner.store.base import RunRecord
from runner.store.open import open_store


@click.command("history", epilog="Example: runner history dead-rows --since 7d")
@click.argument("name", metavar="JOB", required=False, default="")
@click.option("--since", default="", metavar="DURATION", help="Only runs of the last 7d, 12h, …")
@click.option("--limit", default=50, show_default=True, help="At most so many, the newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(context: click.Context, name: str, since: str, limit: int, as_json: bool, now: str) -> int:
    """Show past runs of a job or group (of all without a name), also slots that were missed or skipped, and why."""
    loaded = load_sound(context)
    jobs = {job.name for job in chosen(loaded, [name])} if name else None
    try:
        begin = clock_for(now).now() - timedelta(seconds=parse_duration(since)) if since else None
    except ScheduleError as error:
        raise UsageError(error.message, hint=error.hint) from error
    only = next(iter(jobs)) if jobs and len(jobs) == 1 else None
    with open_store(loaded.home.settings.state, loaded.home.path) as store:
        runs = [
            run
            for run in store.runs(job=only, since=begin, limit=limit if jobs is None or only else limit * 20)
            if jobs is None or run.job in jobs
        ][:limit]
    if as_json:
        say_json({"schema": "runner.history/1", "runs": [_plain(run) for run in runs]})
        return exits.OK
    if not runs:
        say("no runs yet")
        return exits.OK
    say_table(
        ("slot (UTC)", "job", "target", "status", "state", "took", "summary"),
        [
            (
                f"{run.slot:%Y-%m-%d %H:%M}",
                run.job,
                run.target or "host",
                run.status if run.attempt == 1 else f"{run.status} ({run.attempt})",
                run.state.value if run.state else "",
                _took(run),
                run.reason or run.summary,
            )
            for run in runs
        ],
    )
    return exits.OK


def _took(run: RunRecord) -> str:
    return show_duration((run.finished - run.started).total_seconds()) if run.started and run.finished else ""


def _plain(run: RunRecord) -> dict[str, object]:
    return {
        "run": run.run,
        "job": run.job,
        "group": run.group,
        "target": run.target,
        "slot": run.slot.isoformat(),
        "attempt": run.attempt,
        "status": run.status,
        "reason": run.reason,
        "state": run.state.value if run.state else None,
        "summary": run.summary,
        "started": run.started.isoformat() if run.started else None,
        "finished": run.finished.isoformat() if run.finished else None,
    }
