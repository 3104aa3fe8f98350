"""`runner test`."""

from __future__ import annotations

import click

from runner.app.run_job import chosen
from runner.app.test_checks import cases, run_case
from runner.cli import exits
from runner.cli.clocks import clock_for, now_option
from runner.cli.console import say, say_json
from runner.cli.loading import load_sound


@click.command("test", epilog="Example: runner test dead-rows")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@now_option
@click.pass_context
def command(context: click.Context, names: tuple[str, ...], as_json: bool, now: str) -> int:
    """Run the `tests:` blocks of all checks, or of the named jobs and groups. Exits 1 when one fails."""
    loaded = load_sound(context)
    jobs = chosen(loaded, names) if names else loaded.home.jobs
    verdicts = [run_case(case, clock_for(now)) for case in cases(jobs)]
    failed = [verdict for verdict in verdicts if verdict.complaints]
    if as_json:
        say_json({"schema": "runner.tests/1", "tests": [
            {
                "job": item.case.job.name, "name": item.case.name, "at": str(item.case.span),
                "passed": not item.complaints, "complaints": list(item.complaints),
            }
            for item in verdicts
        ]})  # fmt: skip
        return exits.PROBLEMS if failed or loaded.home.errors else exits.OK
    for verdict in failed:
        say(f"FAILED {verdict.case.job.name}: {verdict.case.name}  ({verdict.case.span})")
        for complaint in verdict.complaints:
            say(f"  {complaint}")
    say(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return exits.PROBLEMS if failed or loaded.home.errors else exits.OK
