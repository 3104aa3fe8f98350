"""`runner targets`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from runner.app.run_job import known
from runner.app.targets import Listed, listed
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table
from runner.cli.labels import label_option, read_labels
from runner.cli.loading import complain_of, load_sound
from runner.model.inventory import SourceState, states_of
from runner.model.quantity import counted, show_duration


@click.command("targets", epilog="Example: runner targets --label env=prod")
@click.option("--refresh", is_flag=True, help="Ask every source of targets now.")
@label_option
@click.option("--source", default="", metavar="NAME", help="Only the targets of this source, or of runner.yaml.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=200, show_default=True, help="List at most so many; 0: all."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, all of them.")
@now_option
@click.pass_context
def command(
    context: click.Context, refresh: bool, labels: tuple[str, ...], source: str, limit: int, as_json: bool, now: str
) -> int:
    """List the targets, where each of them is named, and how fresh that is, without asking a server.

    Exits 0, or 1 when a source of targets could not be read.
    """
    wanted = read_labels(labels)
    loaded = load_sound(context, sources="anew" if refresh else "known")
    home = loaded.home
    states = [state for _, state in states_of(home.settings.targets_from, home.inventory)]
    known("source", [source] if source else [], {"runner.yaml", "environment", *(state.name for state in states)})
    found = listed(loaded, wanted, source)
    if as_json:
        say_json({"schema": "runner.targets/1", "targets": list(map(_plain, found)),
                  "sources": list(map(_plain_source, states))})  # fmt: skip
    else:
        _print(found, states, clock_for(now).now(), limit)
    complain_of(loaded, loaded.faults)
    return exits.PROBLEMS if loaded.faults else exits.OK


def _print(found: Sequence[Listed], states: Sequence[SourceState], now: datetime, limit: int) -> None:
    shown = found[:limit] if limit else found
    if shown:
        say_table(
            ("target", "address", "labels", "source", "read"),
            [
                (item.target.name, item.target.address, _labels(item), item.source, _ago(item.read, now))
                for item in shown
            ],
        )
    if len(shown) < len(found):
        say(f"and {len(found) - len(shown):,} more (--limit 0 lists all)")
    say(counted(len(found), "target"))
    for state in states:
        when = f"read {_ago(state.read, now)}" if state.read else "never read"
        gone = "".join(f"; gone since {item.at:%Y-%m-%d %H:%M} UTC: {_names(item.names)}" for item in state.gone)
        say(f"  {state.name}: {counted(len(state.targets), 'target')}, {when}{gone}")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"


def _labels(item: Listed) -> str:
    return " ".join(f"{key}={value}" for key, value in item.target.labels.items())


def _ago(read: datetime | None, now: datetime) -> str:
    return f"{show_duration(max(0.0, (now - read).total_seconds()))} ago" if read else ""


def _plain(item: Listed) -> dict[str, object]:
    return {
        "name": item.target.name, "address": item.target.address, "labels": dict(item.target.labels),
        "source": item.source, "read": item.read.isoformat() if item.read else None,
    }  # fmt: skip


def _plain_source(state: SourceState) -> dict[str, object]:
    return {
        "name": state.name, "targets": len(state.targets), "read": state.read.isoformat() if state.read else None,
        "tried": state.tried.isoformat() if state.tried else None, "failed": state.failed or None,
        "complaints": list(state.complaints),
        "gone": [{"at": item.at.isoformat(), "targets": list(item.names)} for item in state.gone],
    }  # fmt: skip
