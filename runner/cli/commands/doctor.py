"""`runner doctor`."""

from __future__ import annotations

import click

from runner.app.doctor import doctor, repair_store
from runner.app.grant_script import Script, as_sql, scripts
from runner.app.loading import Loaded
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import paint, say, say_json, say_table
from runner.cli.loading import load_for
from runner.errors import UsageError
from runner.model.quantity import counted
from runner.model.secret import mask
from runner.model.state import State
from runner.store.salvage import Repaired, Saved


@click.command("doctor", epilog="Examples: runner doctor; runner doctor --grants --role runner | psql -X")
@click.option("--offline", is_flag=True, help="Do not connect to any server.")
@click.option("--repair", is_flag=True, help="Save what can be read of a damaged store, and nothing else.")
@click.option(
    "--grants", "grants", is_flag=True, help="Print the SQL for the rights that the jobs need, and nothing else."
)
@click.option("--role", metavar="NAME", default="", help="With --grants: the role; else the target's user.")
@click.option("--target", metavar="NAME", default="", help="With --grants: only this target.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(
    context: click.Context, offline: bool, repair: bool, grants: bool, role: str, target: str, as_json: bool, now: str
) -> int:
    """Look for what keeps the jobs from working, and print what mends it, the SQL for missing grants included.

    With --grants: what is missing on each server, or, with --offline, all that is needed for each supported version.

    Exits 0 when all is well, 1 when something is not, and after a repair when rows are lost.
    """
    if (role or target) and not grants:
        raise UsageError("--role and --target belong to --grants", hint="runner doctor --grants --role runner")
    loaded = load_for(context, sources="known" if offline or repair else "due")
    if grants:
        return _grants(list(scripts(loaded, role=role, target=target, connect=not offline)), loaded, as_json=as_json)
    if repair:
        return _repair(repair_store(loaded.home, clock_for(now)), as_json=as_json)
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


def _grants(found: list[Script], loaded: Loaded, *, as_json: bool) -> int:
    secrets = loaded.home.secrets
    if as_json:
        say_json({"schema": "runner.grants/1", "scripts": [
            {
                "target": item.target, "role": item.role, "majors": list(item.majors), "asked": item.asked,
                "trouble": mask(item.trouble, secrets),
                "grants": [
                    {"sql": grant.sql, "database": grant.database, "jobs": list(grant.jobs)} for grant in item.grants
                ],
                "not_given": [{"why": note.text, "jobs": list(note.jobs)} for note in item.notes],
            }
            for item in found
        ]})  # fmt: skip
    else:
        say("\n\n".join("\n".join(mask(line, secrets) for line in as_sql(item)) for item in found))
    return exits.PROBLEMS if any(item.asked and item.grants for item in found) else exits.OK


def _repair(done: Repaired, *, as_json: bool) -> int:
    lost = [table for table in done.tables if not table.is_whole]
    if as_json:
        say_json(_plain(done))
    elif done.aside is None:
        say(f"{paint(State.OK, 'ok  ')} store {done.path} is sound; nothing was changed")
    else:
        _say_repaired(done, lost)
    return exits.PROBLEMS if lost else exits.OK


def _say_repaired(done: Repaired, lost: list[Saved]) -> None:
    whole = [table for table in done.tables if table.is_whole and table.rows]
    say(f"store {done.path} was damaged: {done.complaints[0]}")
    say(f"a new store has taken its place; the old file is kept as {done.aside}")
    if whole:
        say(f"saved whole: {', '.join(f'{table.table} ({table.rows:,})' for table in whole)}")
    if lost:
        say("saved in part:")
        rows = [(table.table, f"{table.rows:,}", _lost(table)) for table in lost]
        say_table(("table", "rows saved", "lost"), rows, indent="  ")
    else:
        say("no row is lost")
    say("ticks go on with the new store; delete the old file when you miss nothing")


def _lost(table: Saved) -> str:
    what = "some, nobody can tell how many" if table.lost is None else f"at most {table.lost:,}" if table.lost else ""
    belongs = f"{counted(table.orphans, 'row')} whose run or series is lost" if table.orphans else ""
    return ", and ".join(filter(None, (what, belongs)))


def _plain(done: Repaired) -> dict[str, object]:
    return {
        "schema": "runner.repair/1",
        "store": str(done.path),
        "sound": done.aside is None,
        "complaints": list(done.complaints),
        "kept": str(done.aside) if done.aside else None,
        "tables": [
            {"table": item.table, "saved": item.rows, "lost_at_most": item.lost, "orphans": item.orphans}
            for item in done.tables
        ],
    }
