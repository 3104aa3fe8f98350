"""`runner sinks list|test`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

import click

from runner.api import Fault, StoreError
from runner.app.explain_sink import Verdict, explain_sink
from runner.app.loading import Loaded
from runner.app.run_job import known
from runner.app.sink_health import Health, health
from runner.app.sinks import send_test, sent_to
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, say_table, write_report
from runner.cli.loading import complain_of, load_sound
from runner.errors import UsageError
from runner.model.home import Route
from runner.store.open import open_store


@click.group("sinks")
def command() -> None:
    """List the sinks of this home and how they are, send one a test report, or explain what it gets."""


@command.command("list", epilog="Example: runner sinks list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def list_sinks(context: click.Context, as_json: bool, now: str) -> int:
    """Every sink with its type, what it is sent, the groups that are routed to it, and what waits for it and why."""
    loaded = load_sound(context)
    settings, moment = loaded.home.settings, clock_for(now).now()
    found = _health(loaded, moment)
    if as_json:
        say_json({"schema": "runner.sinks/1", "sinks": [
            {
                "name": sink.name, "type": sink.type, "send": list(sent_to(loaded, sink)),
                "groups": _groups(settings.routes, sink.name), "health": _plain(found.get(sink.name)),
            }
            for sink in settings.sinks.values()
        ]})  # fmt: skip
        return exits.OK
    say_table(
        ("sink", "type", "send", "groups", "health"),
        [
            (
                sink.name, sink.type, ", ".join(sent_to(loaded, sink)), ", ".join(_groups(settings.routes, sink.name)),
                _state(found.get(sink.name)),
            )
            for sink in settings.sinks.values()
        ],
    )  # fmt: skip
    for name, item in found.items():
        if item.waiting or item.given_up:
            say()
            _say_health(name, item)
    return exits.OK


@command.command("test", epilog="Examples: runner sinks test db-health-log; runner sinks test pager --explain")
@click.argument("name", metavar="[SINK]", default="")
@click.option("--explain", is_flag=True, help="Send nothing: say what the sink, or each sink, would get and why.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: print as JSON.")
@now_option
@click.pass_context
def test_sink(context: click.Context, name: str, explain: bool, as_json: bool, now: str) -> int:
    """Send one report that says that it is a test, past routes and `send`. Exits 1 when it did not arrive."""
    if as_json and not explain:
        raise UsageError("--json goes with --explain", hint=f"runner sinks test {name} --explain --json")
    if not name and not explain:
        raise UsageError("name the sink that is tested", hint="runner sinks list")
    loaded = load_sound(context)
    if explain:
        return _explain(loaded, name, clock_for(now).now(), as_json=as_json)
    faults = send_test(loaded, name, clock_for(now), write_report)
    complain_of(loaded, faults)
    if faults:
        return exits.PROBLEMS
    say(f"a test report was delivered to {name}")
    return exits.OK


def _explain(loaded: Loaded, name: str, now: datetime, *, as_json: bool) -> int:
    sinks = loaded.home.settings.sinks
    known("sink", [name] if name else [], sinks)
    found = {each: explain_sink(loaded, each, now) for each in ([name] if name else sinks)}
    if as_json:
        say_json({"schema": "runner.sinks_explained/1", "sinks": [
            {
                "name": sink,
                "decisions": [
                    {
                        "group": item.group, "of": item.what, "route": item.route or None, "sent": item.sent,
                        "reason": item.reason.name.lower(), "words": item.reason.value,
                    }
                    for item in verdicts
                ],
            }
            for sink, verdicts in found.items()
        ]})  # fmt: skip
        return exits.OK
    for number, (sink, verdicts) in enumerate(found.items()):
        if number:
            say()
        say(f"{sink} ({sinks[sink].type}, sends {', '.join(sinks[sink].send)})")
        _say_verdicts(verdicts)
    return exits.OK


def _say_verdicts(verdicts: Sequence[Verdict]) -> None:
    """The decision of all first, then what each route says by itself."""
    for (group, what), items in groupby(verdicts, key=lambda item: (item.group, item.what)):
        *routes, whole = items
        say(f"  {group}, {what}: {_said(whole)}")
        for item in routes:
            say(f"    route at {item.route}: {_said(item)}")


def _said(item: Verdict) -> str:
    return f"{'sent' if item.sent else 'not sent'}: {item.reason.value}"


def _health(loaded: Loaded, now: datetime) -> Mapping[str, Health]:
    """Nothing where the store cannot be used, which is told."""
    try:
        with open_store(loaded.home.settings.state, loaded.home.path) as store:
            return health(store, loaded.home.settings.sinks, now)
    except StoreError as error:
        complain_of(loaded, [Fault(where="store", message=error.message, hint=error.hint)])
        return {}


def _state(item: Health | None) -> str:
    if item is None:
        return "unknown"
    if item.is_down:
        return "down"
    return f"{item.waiting:,} waiting" if item.waiting else f"{item.given_up:,} given up" if item.given_up else "well"


def _say_health(name: str, item: Health) -> None:
    said = [f"{item.due:,} tried by the next tick"] if item.due else []
    said += [f"{item.given_up:,} given up lately"] if item.given_up else []
    oldest = f", the oldest of {item.oldest:%Y-%m-%d %H:%M} UTC" if item.oldest else ""
    say(f"{name}: {item.waiting:,} waiting{oldest}{'; ' if said else ''}{'; '.join(said)}")
    for wait, count in item.waits.items():
        say(f"  {count:,}: {wait.value}")
    if item.next_try:
        say(f"  next try from {item.next_try:%Y-%m-%d %H:%M} UTC on")
    if item.error:
        say(f"  the last failure: {item.error}")


def _plain(item: Health | None) -> dict[str, object] | None:
    if item is None:
        return None
    return {
        "waiting": item.waiting, "due": item.due, "given_up": item.given_up, "down": item.is_down,
        "waits": {wait.name.lower(): count for wait, count in item.waits.items()},
        "oldest": item.oldest.isoformat() if item.oldest else None,
        "next_try": item.next_try.isoformat() if item.next_try else None, "error": item.error,
    }  # fmt: skip


def _groups(routes: tuple[Route, ...], sink: str) -> list[str]:
    if not routes:
        return ["*"]
    return list(dict.fromkeys(group for route in routes if sink in route.sinks for group in route.groups))
