"""`runner replay JOB`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from runner.api import Change, Series, State
from runner.app.episodes import Episode, Tally
from runner.app.replay import Replayed, Trial, WrongThresholdError, replay
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_diagnostics, say_json, say_table, tell
from runner.cli.loading import load_sound
from runner.errors import ScheduleError, UsageError
from runner.model.quantity import counted, parse_duration, show_duration

_SHOWN = 20


@click.command("replay", epilog="Example: runner replay dead-rows --since 30d --warning 'dead_rows > 50000'")
@click.argument("name", metavar="JOB")
@click.option("--since", default="30d", show_default=True, metavar="DURATION", help="How far to look back.")
@click.option("--warning", default="", metavar="EXPR", help="A threshold to try in place of the job's own.")
@click.option("--critical", default="", metavar="EXPR", help="The same for critical.")
@click.option("--target", default="", metavar="NAME", help="Only this target.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(
    context: click.Context, name: str, since: str, warning: str, critical: str, target: str, as_json: bool, now: str
) -> int:
    """Judge a check's recorded history again, with its own thresholds and with those given. Asks no server."""
    loaded = load_sound(context)
    try:
        back = parse_duration(since)
        found = replay(
            loaded, name, Trial(warning=warning, critical=critical), since=back, target=target,
            now=clock_for(now).now(), tell=tell if sys.stderr.isatty() else lambda _: None,
        )  # fmt: skip
    except WrongThresholdError as error:
        say_diagnostics(error.diagnostics, error.sources)
        return exits.USAGE
    except ScheduleError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if as_json:
        say_json({"schema": "runner.replay/1", "targets": [_plain(item) for item in found]})
        return exits.OK
    for number, item in enumerate(found):
        if number:
            say()
        _print(item, since)
    return exits.OK


def _print(item: Replayed, since: str) -> None:
    where = f"{item.job} on {item.target or 'this host'}"
    if item.first is None or item.last is None:
        what = "no single run is kept of" if item.merged else "nothing was recorded in"
        say(f"{where}: {what} the last {since}")
        _print_notes(item)
        return
    say(f"{where}: {counted(item.runs, 'run')} from {item.first:%Y-%m-%d %H:%M} to {item.last:%Y-%m-%d %H:%M} UTC")
    if item.blind:
        say(f"  {counted(item.blind, 'run')} could not look; problems went on as they were")
    _print_notes(item)
    tallies = {name: tally for name, tally in (("now", item.own), ("tried", item.tried)) if tally}
    if not tallies:
        return
    say()
    say_table(("", *tallies), _rows(list(tallies.values())), indent="  ")
    shown = item.tried or item.own
    if shown and shown.episodes:
        say()
        _print_episodes(shown, "tried" if item.tried else "")


def _print_notes(item: Replayed) -> None:
    for note in item.notes:
        say(f"  note: {note}")


def _rows(tallies: Sequence[Tally]) -> list[tuple[str, ...]]:
    def row(name: str, cells: Sequence[object]) -> tuple[str, ...]:
        return (name, *map(str, cells))

    rows = [
        row("warning when", [" or ".join(item.warning) or "-" for item in tallies]),
        row("critical when", [" or ".join(item.critical) or "-" for item in tallies]),
    ]
    for state in (State.OK, State.LEARNING, State.WARNING, State.CRITICAL, State.UNKNOWN):
        counts = [item.states.get(state, 0) for item in tallies]
        rows += [row(f"runs {state.value}", [f"{count:,}" for count in counts])] if any(counts) else []
    rows.append(row("episodes", [f"{len(item.episodes):,}" for item in tallies]))
    rows.append(row("different keys", [f"{len(item.keys):,}" for item in tallies]))
    rows.append(row("their time", [show_duration(item.seconds) for item in tallies]))
    rows.append(row("reports of changes", [f"{item.reports:,}{_changes(item.changes)}" for item in tallies]))
    rows.append(row("reminders", [f"{item.reminders:,}" for item in tallies]))
    return rows


def _changes(changes: Mapping[Change, int]) -> str:
    listed = ", ".join(f"{changes[change]:,} {change.value}" for change in Change if changes.get(change))
    return f" ({listed})" if listed else ""


def _print_episodes(tally: Tally, which: str) -> None:
    longest = sorted(tally.episodes, key=lambda item: (-item.state.rank, -item.seconds))[:_SHOWN]
    rest = len(tally.episodes) - len(longest)
    say(f"  episodes{' with the thresholds tried' if which else ''}, the worst first:")
    say_table(("from (UTC)", "lasted", "state", "key", "at its worst"), [_episode(item) for item in longest],
              indent="  ")  # fmt: skip
    if rest:
        say(f"  and {rest} more; --json has them all")


def _episode(item: Episode) -> tuple[str, ...]:
    lasted = show_duration(item.seconds) if item.over else f"{show_duration(item.seconds)}, still on"
    return (f"{item.start:%Y-%m-%d %H:%M}", lasted, item.state.value, _name(item.series), item.worst)


def _name(series: Series) -> str:
    return str(series) or "(all)"


def _plain(item: Replayed) -> dict[str, object]:
    return {
        "job": item.job,
        "target": item.target,
        "first": item.first.isoformat() if item.first else None,
        "last": item.last.isoformat() if item.last else None,
        "runs": item.runs,
        "could_not_look": item.blind,
        "merged": item.merged,
        "recorded_columns": list(item.recorded),
        "notes": list(item.notes),
        "now": _plain_tally(item.own),
        "tried": _plain_tally(item.tried),
    }


def _plain_tally(tally: Tally | None) -> dict[str, object] | None:
    if tally is None:
        return None
    return {
        "warning": list(tally.warning),
        "critical": list(tally.critical),
        "runs": {state.value: count for state, count in tally.states.items()},
        "changes": {change.value: count for change, count in tally.changes.items()},
        "reports": tally.reports,
        "reminders": tally.reminders,
        "seconds": tally.seconds,
        "episodes": [
            {
                "database": item.series.database, "key": list(item.series.key), "state": item.state.value,
                "start": item.start.isoformat(), "end": item.end.isoformat(), "over": item.over,
                "seconds": item.seconds, "worst": item.worst, "worst_at": item.worst_at.isoformat(),
            }
            for item in tally.episodes
        ],
    }  # fmt: skip
