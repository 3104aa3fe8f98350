"""A new file stays only when the home is sound with it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from runner.app.loading import Loaded
from runner.app.new import Made
from runner.cli.console import complain, say_diagnostics
from runner.cli.loading import load_for
from runner.config.files import display_name


def keep(context: click.Context, loaded: Loaded, made: Made, names: Sequence[str]) -> str:
    """Writes the file and returns its name as people see it; empty when its jobs could not be used, and it is gone again.

    Complaints about it are told either way.
    """
    made.write()
    after = load_for(context)
    shown = display_name(made.path, loaded.home.path)
    say_diagnostics([item for item in after.home.diagnostics if item.span.file == shown], after.home.sources)
    if any(after.home.job(name) is None for name in names):
        made.undo()
        complain(f"{shown} would not be valid, so nothing was written", "the messages above say why")
        return ""
    return shown
