"""`runner catalogue list`, `show` and `add`."""

from __future__ import annotations

from itertools import groupby

import click

from runner.app.catalogue.add import add
from runner.app.catalogue.entries import Known, known_of, matching, meant
from runner.app.catalogue.show import grants_needed, page, plain_of
from runner.cli import exits
from runner.cli.console import complain, say, say_json, say_table, write_result
from runner.cli.keeping import keep
from runner.cli.loading import load_sound


@click.group("catalogue")
def command() -> None:
    """Find checks in the catalogue, look at one, and begin to use them."""


@command.command("list", epilog="Examples: runner catalogue list 'pg.index*'; runner catalogue list --search slot")
@click.argument("pattern", metavar="[PATTERN]", default="")
@click.option("--area", metavar="NAME", default="", help="Only this area, such as `vacuum`.")
@click.option("--tag", metavar="NAME", default="", help="Only checks with this tag, such as `minimal`.")
@click.option("--search", "words", metavar="WORDS", default="", help="Only checks that speak of all these words.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def list_(context: click.Context, pattern: str, area: str, tag: str, words: str, as_json: bool) -> int:
    """List the checks by area. PATTERN is a name, a pattern such as 'pg.index*', or a preset such as preset.minimal.

    Exits 1 when nothing fits.
    """
    found = matching(known_of(load_sound(context)), pattern=pattern, area=area, tag=tag, words=words)
    if as_json:
        say_json({"schema": "runner.catalogue/1", "checks": [plain_of(item) for item in found]})
    elif found:
        _say_list(found)
    else:
        complain("no check of the catalogue fits", "runner catalogue list shows all")
    return exits.OK if found else exits.PROBLEMS


def _say_list(found: tuple[Known, ...]) -> None:
    rows = [(item.name, _preset(item), item.job.title) for item in found]
    width = max(len(name) for name, _, _ in rows)
    for area, group in groupby(zip(found, rows, strict=True), key=lambda pair: pair[0].entry.area):
        say(area)
        say_table(
            ("check".ljust(width), "preset".ljust(13), "title"), [row for _, row in group], indent="  "
        )  # fmt: skip
        say()


def _preset(item: Known) -> str:
    """The smallest preset that has it, without what all presets begin with."""
    return item.presets[0].removeprefix("preset.") if item.presets else ""


@command.command("show", epilog="Example: runner catalogue show pg.connections")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> int:
    """Show a check whole: what it means, its SQL for each version, thresholds, parameters, needs, and how to use it."""
    found = meant(known_of(load_sound(context)), name)
    if as_json:
        say_json({"schema": "runner.catalogue/1", "checks": [plain_of(item) for item in found]})
        return exits.OK
    say("\n\n".join(page(item) for item in found))
    return exits.OK


@command.command("add", epilog="Example: runner catalogue add pg.connections 'pg.replication*' --file servers")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--file", "file", metavar="GROUP", default="", help="The file of checks.d; it may be there already.")
@click.option("--schedule", metavar="TEXT", default="", help="Such as `hourly` or `daily at 01:30`.")
@click.option("--dry-run", is_flag=True, help="Print what would be written.")
@click.pass_context
def add_(context: click.Context, names: tuple[str, ...], file: str, schedule: str, dry_run: bool) -> int:
    """Write a file in checks.d/ that uses checks of the catalogue, their own numbers beside them as comments.

    NAME is a check, a pattern, or a preset. Nothing is ever overwritten.
    """
    loaded = load_sound(context)
    added = add(loaded, names, file=file.removesuffix(".yaml"), schedule=schedule)
    made, chosen = added.made, added.chosen
    if dry_run:
        write_result(made.added)
        return exits.OK
    shown = keep(context, loaded, made, [item.entry.short_name for item in chosen])
    if not shown:
        return exits.PROBLEMS
    say(f"wrote {shown}: {', '.join(item.entry.short_name for item in chosen)}")
    if added.there:
        say(f"left out, because this home has jobs of these names: {', '.join(added.there)}")
    _say_next(made.path.stem, chosen)
    return exits.OK


def _say_next(group: str, chosen: tuple[Known, ...]) -> None:
    steps = [f"runner test {group}", f"runner run {group}"]
    if any(grants_needed(item.job) for item in chosen):
        steps.insert(1, "runner doctor --grants        the SQL for the rights that they need")
    steps.append("runner crontab show           whether cron calls runner already")
    say()
    say("Next:")
    say("  1. take away the `#` before a number of the catalogue to set your own")
    for number, step in enumerate(steps, start=2):
        say(f"  {number}. {step}")
