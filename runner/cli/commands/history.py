"""`runner history JOB`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import click

from runner.app.run_job import chosen
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound
from runner.engine.claims import living
from runner.errors import ScheduleError, UsageError
from runner.model.quantity import parse_duration, show_duration
from runner.schedule import MISSED_CAP
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
    loaded = load_sound(context, kept=True)
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
        running = [run for run in runs if run.status == "running"]
        alive = living(store, running)
    gone = {run.run for run in running if run.tick not in alive}
    if as_json:
        say_json({"schema": "runner.history/1", "runs": [_plain(run, gone) for run in runs]})
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
                _status(run, gone) if run.attempt < 2 else f"{_status(run, gone)} ({run.attempt})",
                run.state.value if run.state else "",
                _took(run),
                _why(run, gone),
            )
            for run in runs
        ],
    )
    return exits.OK


def _status(run: RunRecord, gone: Collection[str]) -> str:
    if run.waits:
        return "waiting"
    return "interrupted" if run.run in gone else run.status


def _why(run: RunRecord, gone: Collection[str]) -> str:
    if run.run in gone:
        return "the process that ran it is gone; the next tick sees to it"
    if run.since is None or run.slots < 2:
        return run.reason or run.summary
    count = f"at least {run.slots}" if run.slots >= MISSED_CAP else str(run.slots)
    return f"{count} slots since {run.since:%Y-%m-%d %H:%M}: {run.reason or run.summary}"


def _took(run: RunRecord) -> str:
    return show_duration((run.finished - run.started).total_seconds()) if run.started and run.finished else ""


def _plain(run: RunRecord, gone: Collection[str]) -> dict[str, object]:
    return {
        "run": run.run,
        "job": run.job,
        "group": run.group,
        "target": run.target,
        "slot": run.slot.isoformat(),
        "attempt": run.attempt,
        "status": _status(run, gone),
        "slots": run.slots,
        "since": run.since.isoformat() if run.since else None,
        "reason": run.reason,
        "state": run.state.value if run.state else None,
        "summary": run.summary,
        "started": run.started.isoformat() if run.started else None,
        "finished": run.finished.isoformat() if run.finished else None,
    }
