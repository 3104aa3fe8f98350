"""Takes secrets out of an outcome before anything of it is kept or sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.model.result import Finding, Outcome, Table
from runner.model.secret import Secret, mask


def without_secrets(outcome: Outcome, secrets: Sequence[Secret]) -> Outcome:
    """The same outcome with `***` in the place of every secret in its texts.

    Errors of libraries and rows of pg_stat_activity can quote what nobody meant to print.
    """
    if not secrets:
        return outcome
    return replace(
        outcome,
        summary=mask(outcome.summary, secrets),
        findings=tuple(_finding(finding, secrets) for finding in outcome.findings),
        tables=tuple(_table(table, secrets) for table in outcome.tables),
        skipped=mask(outcome.skipped, secrets),
        notes=tuple(mask(note, secrets) for note in outcome.notes),
    )


def _finding(finding: Finding, secrets: Sequence[Secret]) -> Finding:
    message, reason = mask(finding.message, secrets), mask(finding.reason, secrets)
    if (message, reason) == (finding.message, finding.reason):
        return finding
    return replace(finding, message=message, reason=reason)


def _table(table: Table, secrets: Sequence[Secret]) -> Table:
    return replace(table, rows=tuple(tuple(mask(cell, secrets) for cell in row) for row in table.rows))
