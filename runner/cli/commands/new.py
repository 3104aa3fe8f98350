"""`runner new`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from runner.app.loading import Loaded
from runner.app.new import Made, Wish, new_check, new_from_catalogue, new_maintenance
from runner.app.new_plugin import new_plugin
from runner.app.test_checks import cases, run_case
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import complain, say, say_diagnostics, write_result
from runner.cli.loading import load_for, load_sound
from runner.clock import SystemClock
from runner.config.files import display_name
from runner.errors import UsageError


@click.group("new")
def command() -> None:
    """Write a new job into checks.d/, or a plugin into a folder of its own. Nothing is ever overwritten."""


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--dry-run", is_flag=True, help="Print what would be written."),
        click.option("--group", metavar="FILE", default="", help="Add it to this file of checks.d, or begin one."),
        click.option("--schedule", metavar="TEXT", default="", help="Such as `hourly` or `daily at 01:30`."),
        click.argument("name", metavar="NAME"),
    ):
        function = option(function)
    return function


@command.command("check", epilog='Example: runner new check used --sql "select count(*) as used from pg_stat_activity"')
@_options
@click.option("--sql", metavar="TEXT", help="The query.")
@click.option("--sql-file", "file", metavar="FILE", type=click.Path(path_type=Path), help="A file with the query.")
@click.option("--from-catalogue", "entry", metavar="CHECK", default="", help="A check of the catalogue (pg.…).")
@click.option("--target", metavar="NAME", default="", help="Where the query is run once; else `main` or the first.")
@click.option("--key", metavar="A,B", default="", help="The columns that identify a row.")
@click.option("--offline", is_flag=True, help="Write the query without running it; its columns are to be filled in.")
@now_option
@click.pass_context
def check(
    context: click.Context,
    name: str,
    schedule: str,
    group: str,
    dry_run: bool,
    sql: str | None,
    file: Path | None,
    entry: str,
    target: str,
    key: str,
    offline: bool,
    now: str,
) -> int:
    """Write a check: its query is run once, read-only, and units, key, thresholds and tests are guessed from it."""
    given = [option for option, value in (("--sql", sql), ("--sql-file", file), ("--from-catalogue", entry)) if value]
    if len(given) != 1:
        raise UsageError(
            "a check is made from one of --sql, --sql-file and --from-catalogue",
            hint=f"runner new check {name} --sql-file query.sql",
        )
    loaded, wish = load_sound(context), Wish(name=name, schedule=schedule, group=group)
    if entry:
        made = new_from_catalogue(loaded, wish, entry)
    else:
        words = tuple(part.strip() for part in key.split(",") if part.strip())
        made = new_check(
            loaded, wish, _text(file) if file else sql or "", target=target, key=words, offline=offline,
            now=clock_for(now).now(),
        )  # fmt: skip
    return _keep(context, loaded, made, name, dry_run=dry_run)


@command.command("maintenance", epilog="Example: runner new maintenance nightly-vacuum --schedule 'daily at 02:00'")
@_options
@click.pass_context
def maintenance(context: click.Context, name: str, schedule: str, group: str, dry_run: bool) -> int:
    """Write a maintenance job that vacuums the tables that need it, in every database."""
    loaded = load_sound(context)
    made = new_maintenance(loaded, Wish(name=name, schedule=schedule, group=group))
    return _keep(context, loaded, made, name, dry_run=dry_run)


@command.command("plugin", epilog="Example: runner new plugin acme.teams --sink")
@click.argument("name", metavar="NAME")
@click.option("--sink", "sort", flag_value="sink", help="Carries reports somewhere: the default.")
@click.option("--format", "sort", flag_value="format", help="Writes reports.")
@click.option("--probe", "sort", flag_value="probe", help="Rows for checks that are not SQL.")
@click.option("--kind", "sort", flag_value="kind", help="A kind of job.")
@click.option("--pack", "sort", flag_value="pack", help="Checks for the catalogue.")
@click.option(
    "--into", "into", metavar="DIR", type=click.Path(path_type=Path), default=Path(), help="Where its folder is made."
)
@click.option("--dry-run", is_flag=True, help="Print what would be written.")
def plugin(name: str, sort: str | None, into: Path, dry_run: bool) -> int:
    """Write a plugin that can be installed: its package, and tests that pass as they are. NAME is such as acme.teams."""
    made = new_plugin(name, sort or "sink", into)
    if dry_run:
        for path, text in made.files.items():
            say(f"==> {made.folder / path} <==")
            say(text)
        return exits.OK
    made.write()
    say(f"wrote {made.folder}")
    for path in made.files:
        say(f"  {path}")
    say()
    say("Next:")
    say(f"  cd {made.folder}")
    say("  python3 -m venv .venv && .venv/bin/pip install -e '.[test]'")
    say("  .venv/bin/pytest                  its tests pass")
    say("  .venv/bin/runner plugins list     it is there")
    return exits.OK


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _keep(context: click.Context, loaded: Loaded, made: Made, name: str, *, dry_run: bool) -> int:
    if dry_run:
        write_result(made.added)
        return exits.OK
    made.write()
    after = load_for(context)
    shown = display_name(made.path, loaded.home.path)
    found = [item for item in after.home.diagnostics if item.span.file == shown]
    say_diagnostics(found, after.home.sources)
    job = after.home.job(name)
    if job is None:
        made.undo()
        complain(f"{shown} would not be valid, so nothing was written", "the messages above say why")
        return exits.PROBLEMS
    verdicts = [run_case(case, after, SystemClock()) for case in cases([job])]
    failed = [complaint for verdict in verdicts for complaint in verdict.complaints]
    say(f"wrote {shown}")
    for complaint in failed:
        complain(f"a test of it fails: {complaint}", f"runner test {name}")
    say()
    say("Next:")
    say(f"  1. look at the guesses in {made.path}")
    say(f"  2. runner test {name}")
    say(f"  3. runner run {name}")
    say("  4. runner crontab show        whether cron calls runner already")
    return exits.PROBLEMS if found or failed else exits.OK
