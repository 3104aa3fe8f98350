"""`runner plan`."""

from __future__ import annotations

import click

from runner.app.plan import plan, without_target
from runner.cli import exits
from runner.cli.clocks import clock_for
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound


@click.command("plan", epilog="Example: runner plan --at 2026-11-25T03:00Z")
@click.option("--at", "--now", "at", metavar="TIME", default="", help="Plan for this time, such as 2026-11-25T03:00Z.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def command(context: click.Context, at: str, as_json: bool) -> int:
    """Say what would run now (or at another time), on which target, and why everything else would not."""
    loaded = load_sound(context)
    now = clock_for(at).now().replace(microsecond=0)
    planned = plan(loaded, now)
    if as_json:
        say_json({"schema": "runner.plan/1", "at": now.isoformat(), "jobs": [
            {
                "group": item.job.group, "job": item.job.name, "kind": item.job.kind, "target": item.target,
                "verdict": item.decision.verdict.value, "reason": item.decision.reason, "refused": item.refused,
                "slot": item.decision.slot.isoformat() if item.decision.slot else None,
                "next": item.decision.next.isoformat() if item.decision.next else None,
            }
            for item in planned
        ]})  # fmt: skip
        return exits.OK
    due = [item for item in planned if item.decision.verdict.runs]
    say(f"{len(due)} of {len(planned)} would run at {now:%Y-%m-%d %H:%M} UTC")
    say()
    say_table(
        ("", "group", "job", "target", "why"),
        [
            (
                item.decision.verdict.value.upper() if item.decision.verdict.runs else item.decision.verdict.value,
                item.job.group,
                item.job.name,
                item.target or "host",
                f"{item.decision.reason}{f' (refused: {item.refused})' if item.refused else ''}",
            )
            for item in sorted(planned, key=lambda item: not item.decision.verdict.runs)
        ],
    )
    for job in without_target(loaded):
        say(f"{job.name}: no target fits `targets:`, so it never runs")
    return exits.OK
