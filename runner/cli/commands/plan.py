"""`runner plan`."""

from __future__ import annotations

from datetime import datetime

import click

from runner.app.plan import Begun, plan, without_target
from runner.cli import exits
from runner.cli.clocks import clock_for
from runner.cli.console import say, say_json, say_table
from runner.cli.loading import load_sound
from runner.engine.decision import Decision
from runner.engine.passed import Passed
from runner.model.quantity import show_duration


@click.command("plan", epilog="Example: runner plan --at 2026-11-25T03:00Z")
@click.option("--at", "--now", "at", metavar="TIME", default="", help="Plan for this time, such as 2026-11-25T03:00Z.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def command(context: click.Context, at: str, as_json: bool) -> int:
    """Say what would run now (or at another time), on which target, and why everything else would not."""
    loaded = load_sound(context, kept=True)
    now = clock_for(at).now().replace(microsecond=0)
    found = plan(loaded, now)
    planned = found.planned
    if as_json:
        say_json({"schema": "runner.plan/1", "at": now.isoformat(), "jobs": [
            {
                "group": item.job.group, "job": item.job.name, "kind": item.job.kind, "target": item.target,
                "verdict": item.decision.verdict.value, "reason": item.decision.reason, "refused": item.refused,
                "slot": item.decision.slot.isoformat() if item.decision.slot else None,
                "next": item.decision.next.isoformat() if item.decision.next else None,
                "passed": _passed(item.decision.passed),
            }
            for item in planned
        ], "under_way": [
            {
                "group": item.record.group, "job": item.record.job, "target": item.record.target,
                "status": "running" if item.is_alive else "interrupted", "slot": item.record.slot.isoformat(),
                "started": item.record.started.isoformat() if item.record.started else None, "then": item.then,
            }
            for item in found.under_way
        ]})  # fmt: skip
        return exits.OK
    due = [item for item in planned if item.decision.verdict.runs]
    say(f"{len(due)} of {len(planned)} would run at {now:%Y-%m-%d %H:%M} UTC")
    say()
    say_table(
        ("", "group", "job", "target", "why"),
        [_line(item, now) for item in found.under_way]
        + [
            (
                item.decision.verdict.value.upper() if item.decision.verdict.runs else item.decision.verdict.value,
                item.job.group,
                item.job.name,
                item.target or "host",
                f"{item.decision.reason}{_lost(item.decision)}{f' (refused: {item.refused})' if item.refused else ''}",
            )
            for item in sorted(planned, key=lambda item: not item.decision.verdict.runs)
        ],
    )
    for job in without_target(loaded):
        say(f"{job.name}: no target fits `targets:`, so it never runs")
    return exits.OK


def _line(item: Begun, now: datetime) -> tuple[str, str, str, str, str]:
    record = item.record
    began = record.started or record.slot
    since = f"since {began:%Y-%m-%d %H:%M} UTC, for {show_duration(max(0.0, (now - began).total_seconds()))}"
    status = "running" if item.is_alive else "interrupted"
    return status, record.group, record.job, record.target or "host", f"{since}{f'; {item.then}' if item.then else ''}"


def _lost(decision: Decision) -> str:
    """Slots that end without a run and are not told in the reason."""
    lost = decision.passed
    if lost is None or lost.status != "skipped":
        return ""
    return f"; {lost.slots} slot{'s' if lost.slots > 1 else ''} since {lost.since:%Y-%m-%d %H:%M} UTC skipped"


def _passed(passed: Passed | None) -> dict[str, object] | None:
    if passed is None:
        return None
    return {
        "since": passed.since.isoformat(), "slot": passed.slot.isoformat(), "slots": passed.slots,
        "status": passed.status, "reason": passed.reason,
    }  # fmt: skip
