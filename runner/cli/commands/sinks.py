"""`runner sinks list|test`."""

from __future__ import annotations

import click

from runner.app.sinks import send_test
from runner.cli import exits
from runner.cli.clocks import clock_for
from runner.cli.console import say, say_json, say_table, write_result
from runner.cli.loading import complain_of, load_sound
from runner.model.home import Route


@click.group("sinks")
def command() -> None:
    """List the sinks of this home, or send one a test report."""


@command.command("list", epilog="Example: runner sinks list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def list_sinks(context: click.Context, as_json: bool) -> int:
    """Every sink with its type, what it is sent, and the groups whose reports are routed to it."""
    settings = load_sound(context).home.settings
    rows = [
        {"name": sink.name, "type": sink.type, "send": list(sink.send), "groups": _groups(settings.routes, sink.name)}
        for sink in settings.sinks.values()
    ]
    if as_json:
        say_json({"schema": "runner.sinks/1", "sinks": rows})
        return exits.OK
    say_table(
        ("sink", "type", "send", "groups"),
        [
            (sink.name, sink.type, ", ".join(sink.send), ", ".join(_groups(settings.routes, sink.name)))
            for sink in settings.sinks.values()
        ],
    )
    return exits.OK


@command.command("test", epilog="Example: runner sinks test db-health-log")
@click.argument("name", metavar="SINK")
@click.pass_context
def test_sink(context: click.Context, name: str) -> int:
    """Send one report that says that it is a test, past routes and `send`. Exits 1 when it did not arrive."""
    loaded = load_sound(context)
    faults = send_test(loaded, name, clock_for(""), write_result)
    complain_of(loaded, faults)
    if faults:
        return exits.PROBLEMS
    say(f"a test report was delivered to {name}")
    return exits.OK


def _groups(routes: tuple[Route, ...], sink: str) -> list[str]:
    if not routes:
        return ["*"]
    return list(dict.fromkeys(group for route in routes if sink in route.sinks for group in route.groups))
