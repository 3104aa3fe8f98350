"""`runner test`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from runner.app.junit import junit
from runner.app.loading import Loaded
from runner.app.run_job import chosen
from runner.app.test_checks import Case, Verdict, cases, run_case
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json, write_result
from runner.cli.loading import load_sound
from runner.clock import Clock
from runner.errors import UsageError


@click.command("test", epilog="Example: runner test dead-rows --database")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--database", is_flag=True, help="Run tests with `given:` too, on a throw-away PostgreSQL.")
@click.option(
    "--pg-bin", "programs", metavar="DIR", type=click.Path(path_type=Path),
    help="For --database: the folder with initdb, pg_ctl and postgres.",
)  # fmt: skip
@click.option("--pg-version", "version", type=int, help="For --database: the major version, of those on this host.")
@click.option("--format", "form", type=click.Choice(["text", "junit", "json"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@now_option
@click.pass_context
def command(
    context: click.Context,
    names: tuple[str, ...],
    database: bool,
    programs: Path | None,
    version: int | None,
    form: str,
    as_json: bool,
    now: str,
) -> int:
    """Run the `tests:` blocks of all checks, or of the named jobs and groups. Exits 1 when one fails."""
    if (programs or version) and not database:
        raise UsageError("--pg-bin and --pg-version are for --database", hint="runner test --database")
    loaded = load_sound(context)
    wanted = cases(chosen(loaded, names) if names else loaded.home.jobs)
    verdicts = _run(wanted, loaded, clock_for(now), database=database, programs=programs, version=version)
    _PRINTERS["json" if as_json else form](verdicts)
    failed = any(item.complaints for item in verdicts)
    return exits.PROBLEMS if failed or loaded.home.errors else exits.OK


def _run(
    wanted: Sequence[Case],
    loaded: Loaded,
    clock: Clock,
    *,
    database: bool,
    programs: Path | None,
    version: int | None,
) -> list[Verdict]:
    with ExitStack() as stack:
        ground = None
        if database:
            from runner.demo.ground import ThrowAway

            ground = stack.enter_context(ThrowAway(version=version, programs=programs))
        return [run_case(case, loaded, clock, ground) for case in wanted]


def _print(verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        if verdict.passed:
            continue
        word = "FAILED" if verdict.complaints else "not run"
        reason = f": {verdict.not_run}" if verdict.not_run else ""
        say(f"{word} {verdict.case.job.name}: {verdict.case.name}  ({verdict.case.span}){reason}")
        for complaint in verdict.complaints:
            say(f"  {complaint}")
    failed = sum(bool(item.complaints) for item in verdicts)
    left = [item.not_run for item in verdicts if item.not_run]
    counts = [f"{sum(item.passed for item in verdicts)} passed", f"{failed} failed"]
    counts += [f"{left.count(reason)} not run ({reason})" for reason in dict.fromkeys(left)]
    say(", ".join(counts))


def _print_json(verdicts: Sequence[Verdict]) -> None:
    say_json({"schema": "runner.tests/1", "tests": [
        {
            "group": item.case.job.group, "job": item.case.job.name, "name": item.case.name, "at": str(item.case.span),
            "passed": item.passed, "complaints": list(item.complaints), "not_run": item.not_run,
            "seconds": round(item.seconds, 3),
        }
        for item in verdicts
    ]})  # fmt: skip


_PRINTERS: dict[str, Callable[[Sequence[Verdict]], None]] = {
    "text": _print,
    "json": _print_json,
    "junit": lambda verdicts: write_result(junit(verdicts)),
}
