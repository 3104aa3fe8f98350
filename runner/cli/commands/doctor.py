"""`runner doctor`."""

from __future__ import annotations

import click

from runner.app.doctor import doctor
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import paint, say, say_json
from runner.cli.loading import load_for
from runner.model.secret import mask
from runner.model.state import State


@click.command("doctor", epilog="Example: runner doctor")
@click.option("--offline", is_flag=True, help="Do not connect to any server.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(context: click.Context, offline: bool, as_json: bool, now: str) -> int:
    """Look for what keeps the jobs from working, and print what mends it, the SQL for missing grants included.

    Exits 0 when all is well, 1 when something is not.
    """
    loaded = load_for(context)
    advices = []
    for advice in doctor(loaded, clock_for(now), connect=not offline):
        advices.append(advice)
        if not as_json:
            mark = paint(State.OK, "ok  ") if advice.good else paint(State.WARNING, "look")
            say(f"{mark} {mask(advice.message, loaded.home.secrets)}")
            if advice.hint:
                say(f"       {mask(advice.hint, loaded.home.secrets)}")
    if as_json:
        say_json({"schema": "runner.doctor/1", "advice": [
            {"good": item.good, "message": mask(item.message, loaded.home.secrets),
             "hint": mask(item.hint, loaded.home.secrets)}
            for item in advices
        ]})  # fmt: skip
    return exits.OK if all(item.good for item in advices) else exits.PROBLEMS
