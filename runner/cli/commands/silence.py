"""`runner silence`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from runner.app.moments import author, end_of
from runner.app.silencing import add, silences
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound
from runner.errors import UsageError
from runner.model.home import Silence


@click.command("silence", epilog='Example: runner silence dead-rows "unused-*" --for 2h --reason "bulk load"')
@click.argument("jobs", nargs=-1, metavar="JOBS...")
@click.option("--for", "length", default="", metavar="DURATION", help="How long: 2h, 3d.")
@click.option("--until", default="", metavar="TIME", help="Its end: 18:00 (UTC), 2027-01-31 (that day included).")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the reports.")
@click.option("--target", "targets", multiple=True, metavar="TARGET", help="Only on this target; a name or a pattern.")
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only these rows; a name or a pattern.")
@click.option("--list", "listed", is_flag=True, help="Show the silences, also those of runner.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(
    context: click.Context,
    jobs: tuple[str, ...],
    length: str,
    until: str,
    reason: str,
    targets: tuple[str, ...],
    keys: tuple[str, ...],
    listed: bool,
    as_json: bool,
    now: str,
) -> int:
    """Tell nobody of these jobs (names or patterns) for a while. They run on; the silence ends by itself.

    What is still wrong at the end is then reported once. `runner unsilence` ends a silence early.
    """
    if bool(jobs) == listed:
        raise UsageError("name jobs, or ask for `--list`", hint="runner list shows every job")
    loaded = load_sound(context, kept=True)
    moment = clock_for(now).now()
    if listed:
        show(silences(loaded, moment), as_json=as_json)
        return exits.OK
    if bool(length) == bool(until):
        raise UsageError("a silence needs an end", hint="write `--for 2h`, or `--until 2027-01-31`")
    if not reason.strip():
        raise UsageError("a silence needs a reason", hint='write `--reason "bulk load"`; it stands in the reports')
    made = add(
        loaded, jobs=jobs, targets=targets, keys=keys, reason=reason.strip(), author=author(os.environ),
        until=end_of(length or until, moment), now=moment,
    )  # fmt: skip
    if as_json:
        show([made], as_json=True)
    else:
        say(f"{made.id}: silent until {made.until:%Y-%m-%d %H:%M} UTC. `runner unsilence {made.id}` ends it early.")
    return exits.OK


def show(found: Sequence[Silence], *, as_json: bool) -> None:
    """The silences as a table or as JSON."""
    if as_json:
        say_json({"schema": "runner.silences/1", "silences": [plain(item) for item in found]})
    elif found:
        table(found)
    else:
        say("there is no silence")


def table(found: Sequence[Silence]) -> None:
    """The silences, those of runner.yaml with their place instead of an id."""
    say_table(
        ("silence", "jobs", "only", "until (UTC)", "by", "reason"),
        [
            (item.id or str(item.span), " ".join(item.jobs), _only(item), _until(item), item.author, item.reason)
            for item in found
        ],
    )


def plain(item: Silence) -> dict[str, object]:
    """One silence as JSON; `id` is null for those of runner.yaml."""
    return {
        "id": item.id or None,
        "jobs": list(item.jobs),
        "targets": list(item.targets.names),
        "labels": dict(item.targets.labels),
        "keys": list(item.keys),
        "runs": item.runs,
        "window": item.window or None,
        "until": item.until.isoformat() if item.until else None,
        "reason": item.reason,
        "by": item.author or None,
        "at": item.at.isoformat() if item.at else None,
    }


def _until(item: Silence) -> str:
    end = f"{item.until:%Y-%m-%d %H:%M}" if item.until else ""
    return " ".join(filter(None, (end, f"in {item.window}" if item.window else "")))


def _only(item: Silence) -> str:
    labels = [f"{name}={value}" for name, value in sorted(item.targets.labels.items())]
    return " ".join([*(name for name in (*item.targets.names, *item.keys) if name != "*"), *labels])
