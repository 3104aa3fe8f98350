"""Targets of a query."""

from __future__ import annotations

from collections.abc import Sequence

from runner.api import Options, SourceContext, TargetRow


def read(options: Options, context: SourceContext) -> Sequence[TargetRow]:
    """One target a row. Raises TargetError."""
    rows = context.ask(str(options["on"]), str(options["sql"]))
    return [
        TargetRow(values={key: value for key, value in row.items() if value is not None}, where=f"row {number}")
        for number, row in enumerate(rows, 1)
    ]
