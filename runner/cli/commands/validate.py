"""`runner validate`."""

from __future__ import annotations

import click

from runner.cli import exits
from runner.cli.console import count_errors, say, say_diagnostics, say_json
from runner.cli.loading import complain_of, load_for
from runner.model.diagnostic import Diagnostic


@click.command("validate", epilog="Example: runner validate")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Check every file of the home, without a server. Exits 0 when there is no error, 1 when there is."""
    loaded = load_for(context)
    home = loaded.home
    errors, warnings = count_errors(home.diagnostics)
    if as_json:
        say_json({"schema": "runner.diagnostics/1", "diagnostics": [_plain(item) for item in home.diagnostics]})
        return exits.PROBLEMS if errors else exits.OK
    say_diagnostics(home.diagnostics, home.sources)
    complain_of(loaded, loaded.host.faults)
    groups = len({job.group for job in home.jobs})
    say(
        f"{_count(len(home.jobs), 'job')} in {_count(groups, 'group')}, {_count(len(home.targets), 'target')}: "
        f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    )
    return exits.PROBLEMS if errors else exits.OK


def _plain(item: Diagnostic) -> dict[str, object]:
    return {
        "code": item.code,
        "severity": item.severity.value,
        "file": item.span.file,
        "line": item.span.line,
        "column": item.span.column,
        "end_line": item.span.end_line,
        "end_column": item.span.end_column,
        "message": item.message,
        "hint": item.hint,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
