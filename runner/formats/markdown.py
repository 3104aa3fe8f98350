"""The format `markdown`: what the text format says, for wikis, issues and merge requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runner.api import FormatContext, Options, Report
from runner.formats.view import Line, TableView, View
from runner.template import clean, show_time

_ESCAPED = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BY_ITSELF = re.compile(r"\{(?=[{%#])|\b[wh](?=ww\.|ttps?:)|\b[fm](?=tp:|ailto:)", re.IGNORECASE)
"""The first letter of what would become a link by itself, and of what site generators take for a template."""
_REFERENCE = re.compile(r"([@#])(?=\w)")
"""Mentions and numbers of issues; only something between the sign and the word stops them."""


def render(report: Report, options: Options, _context: FormatContext) -> str:
    """GitHub's Markdown; `rows` bounds each table and each job's findings."""
    view = View(report, rows=int(options.get("rows", 20)))
    return "\n".join(_page(view)).rstrip() + "\n"


def escaped(text: str) -> str:
    """Text that shows as it is: nothing in it is markup, HTML, a link or a mention."""
    text = re.sub("[&<>]", lambda match: _NAMED[match[0]], text)
    text = _ESCAPED.sub(r"\\\g<0>", text)
    text = _REFERENCE.sub(r"\1<!-- -->", text)
    return _BY_ITSELF.sub(lambda match: f"&#{ord(match[0])};", text)


def _page(view: View) -> Iterator[str]:
    values, report = view.context(), view.report
    state = str(values["state"]).upper()
    yield f"# {state}: {escaped(str(values['title']))}"
    yield ""
    yield f"{escaped(show_time(report.slot))}, {escaped(view.counts())}"
    problems = list(view.problems())
    yield from _section("Problems", [item for item in problems if not item.acknowledged])
    yield from _section("Acknowledged", [item for item in problems if item.acknowledged])
    yield from _section("Recovered", view.recovered())
    for table in view.tables():
        yield from _table(table)
    yield from _section("Ok", view.fine())
    yield from _section("Not judged", [*view.skipped(), *view.notes()])
    yield from _section("Faults", view.faults())
    times = [view.took() and f"took {view.took()}", values["next"] and f"next run {values['next']}"]
    if any(times):
        yield ""
        yield escaped(", ".join(str(part) for part in times if part))


def _section(title: str, lines: Iterable[Line]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number:
            yield from ("", f"## {title}", "")
        where = f" on {escaped(line.where)}" if line.where else ""
        trend = f" {line.trend}" if line.trend else ""
        yield f"- **{escaped(line.state)}** {escaped(line.job)}{where}: {escaped(line.text)}{trend}"
        yield from (f"  - {_detail(detail)}" for detail in line.details)


def _detail(detail: str) -> str:
    """A hint can be copied as it is; the address of a runbook is a link."""
    label, _, text = detail.partition(": ")
    if label == "hint" and not _BY_ITSELF.search(text):
        return f"hint: {_code(text)}"
    if label == "runbook" and re.fullmatch(r"https?://[^\s<>{}\\]+", text):
        return f"runbook: <{text}>"
    return escaped(detail)


def _code(text: str) -> str:
    """Text in a fence of more backticks than stand in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _table(table: TableView) -> Iterator[str]:
    yield from ("", f"## {escaped(table.title)}", "")
    yield _row(table.columns)
    yield f"|{'|'.join(' --: ' if right else ' --- ' for right in table.numeric)}|"
    yield from map(_row, table.rows)
    if table.more:
        yield from ("", f"and {table.more:,} more")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(escaped(clean(cell, limit=300)) for cell in cells)} |"
