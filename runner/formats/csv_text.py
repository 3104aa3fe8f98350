"""The format `csv`: one line for each finding, and one for each result without findings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from runner.api import FormatContext, Options, Report
from runner.formats.document import report_document
from runner.template import clean

COLUMNS = (
    "report", "group", "slot", "job", "kind", "target", "database", "row", "state", "pending", "message", "reason",
    "since", "acknowledged_by", "hint", "runbook", "seconds",
)  # fmt: skip
_FORMULA = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets take for the start of a formula, or of a command to run."""
_CELL = 2000


def render(report: Report, options: Options, _context: FormatContext) -> str:
    """RFC 4180: lines end with CR LF; no cell begins a formula, breaks its line or is longer than 2,000 characters."""
    text = io.StringIO()
    writer = csv.writer(text)
    if options.get("header", True):
        writer.writerow(COLUMNS)
    writer.writerows([_cell(row[name]) for name in COLUMNS] for row in _rows(report_document(report)))
    return text.getvalue()


def _rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for result in document["results"]:
        common = {
            "report": document["id"],
            "group": document["group"],
            **{name: result[name] for name in ("slot", "job", "kind", "target", "runbook", "seconds")},
        }
        for finding in result["findings"] or [_whole(result)]:
            yield {
                **finding,
                **common,
                "row": ".".join(finding["row"]),
                "acknowledged_by": (finding["acknowledged"] or {"by": ""})["by"],
            }


def _whole(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without findings in the shape of one."""
    return {
        "state": result["state"],
        "database": "",
        "row": [],
        "message": result["summary"],
        "reason": result["skipped"],
        "hint": "",
        "pending": False,
        "since": None,
        "acknowledged": None,
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    text = clean(value, limit=_CELL)
    # The leading apostrophe makes it text for every spreadsheet.
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
