"""`runner ack`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

import click

from runner.app.acks import acknowledge, acknowledged, read_place, take_back
from runner.app.moments import author, end_of
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound
from runner.errors import UsageError
from runner.model.problem import Acknowledgement
from runner.model.quantity import counted


@click.command("ack", epilog='Example: runner ack dead-rows@main --key public.orders --reason "vacuum runs tonight"')
@click.argument("place", metavar="JOB[@TARGET]", required=False, default="")
@click.option("--key", default="", metavar="KEY", help="Only these rows: a name as reports show it, or a pattern.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the reports.")
@click.option("--until", default="", metavar="TIME", help="When reminders begin again: 2h, 18:00 (UTC), 2027-01-31.")
@click.option("--list", "listed", is_flag=True, help="Show what is acknowledged.")
@click.option("--remove", "removed", is_flag=True, help="Take the acknowledgement back.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(
    context: click.Context,
    place: str,
    key: str,
    reason: str,
    until: str,
    listed: bool,
    removed: bool,
    as_json: bool,
    now: str,
) -> int:
    """Acknowledge the open problems of a job: no reminders until they worsen, ease or end, or the time is over.

    Exits 1 when there is no such problem.
    """
    if bool(place) == listed or (listed and removed):
        raise UsageError("name a job, or ask for `--list`", hint="runner status shows the open problems")
    loaded = load_sound(context, kept=True)
    moment = clock_for(now).now()
    if listed:
        _show(acknowledged(loaded, moment), as_json=as_json)
        return exits.OK
    meant = read_place(loaded, place, key)
    if removed:
        items = take_back(loaded, meant, moment)
    else:
        end = end_of(until, moment) if until else None
        items = acknowledge(loaded, meant, author=author(os.environ), reason=reason, until=end, now=moment)
    if as_json:
        _show(items, as_json=True)
        return exits.OK
    what = "not acknowledged any more" if removed else "acknowledged"
    say(f"{counted(len(items), 'problem')} {what}:")
    for item in items:
        say(f"  {_place(item)}  {item.state.value}".rstrip())
    if not removed:
        say(f"No reminders until {_end(items[0].until)}a change of state.")
    return exits.OK


def _show(items: Sequence[Acknowledgement], *, as_json: bool) -> None:
    if as_json:
        say_json({"schema": "runner.acknowledged/1", "acknowledged": [plain(item) for item in items]})
        return
    if not items:
        say("nothing is acknowledged")
        return
    say_table(
        ("problem", "state", "by", "since (UTC)", "until (UTC)", "reason"),
        [
            (_place(item), item.state.value, item.author, _time(item.at), _time(item.until), item.reason)
            for item in items
        ],
    )


def plain(item: Acknowledgement) -> dict[str, object]:
    """One acknowledgement as JSON."""
    return {
        "job": item.job,
        "target": item.target,
        "database": item.series.database,
        "row": list(item.series.key),
        "state": item.state.value,
        "by": item.author,
        "reason": item.reason,
        "at": item.at.isoformat(),
        "until": item.until.isoformat() if item.until else None,
    }


def _place(item: Acknowledgement) -> str:
    return f"{item.job}@{item.target or 'host'} {item.series}".rstrip()


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _end(until: datetime | None) -> str:
    return f"{_time(until)} UTC or " if until else ""
