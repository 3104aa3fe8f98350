"""The format `html`: one page without scripts and remote parts, what is wrong first."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

from runner.api import FormatContext, Options, Report
from runner.formats.html_fleet import MOST_LINES, fleet_of, grouped, left_out, overview
from runner.formats.html_parts import bars, element, figure, link, text
from runner.formats.view import Line, TableView, View
from runner.template import clean, show_time

_SILENCED = re.compile(r"(\d+ findings? )?silenced\b")


def render(report: Report, options: Options, _context: FormatContext) -> str:
    """A whole document; `rows` bounds each table and each job's findings."""
    view = View(report, rows=int(options.get("rows", 20)))
    values = view.context()
    state = str(values["state"])
    title = f"{state.upper()} {values['title']}"
    head = f"{_HEAD.format(policy=_policy())}<title>{text(title)}</title>\n<style>{_style()}</style>\n"
    body = "\n".join(part for part in _body(view, state) if part)
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


_HEAD = """<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
"""


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text("utf-8")


@cache
def _policy() -> str:
    """Only this very style may work: no script, no picture, no frame, no form, nothing from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _body(view: View, state: str) -> Iterator[str]:
    fleet = fleet_of(view.report)
    few = None if fleet is None else MOST_LINES
    problems, skipped = list(view.problems()), [*view.skipped(), *view.notes()]
    known = [line for line in problems if line.acknowledged]
    silenced = [line for line in skipped if _SILENCED.match(line.text)]
    fine, tables = list(view.fine()), list(view.tables())
    new = [line for line in problems if not line.acknowledged]
    yield _header(view, state, named=fleet is None)
    yield "<main>"
    yield _section(f"Targets by {fleet.label}" if fleet else "", overview(fleet) if fleet else ())
    yield _section("Wrong now", [*(grouped(new, fleet, _cards) if fleet else _cards(new))] or _calm(view, known))
    yield _section("Faults of runner itself", _cards(view.faults()))
    yield _section("Recovered", _list(view.recovered(), few))
    yield _section("Trends", _trends(fine[:few]))
    yield _section("Details", map(_table, tables[:few]))
    yield _section("Before and after", _comparisons(tables[:few]))
    yield _section("Acknowledged", _cards(known[:few]))
    yield _section("Silenced", _list(silenced, few))
    yield _section("Not judged", _list([line for line in skipped if not _SILENCED.match(line.text)], few))
    yield _section("Ok", _list(fine, few))
    yield "</main>"
    yield _footer(view)


def _header(view: View, state: str, *, named: bool) -> str:
    values = view.context()
    targets = view.targets() if named else []
    listed = element("ul", *(element("li", text(" · ".join(filter(None, parts)))) for parts in targets), class_="soft")
    return element(
        "header",
        element("h1", element("strong", text(state)), " ", element("span", text(str(values["title"])))),
        element("p", text(f"{values['slot']}: {view.counts()}")),
        listed if targets else "",
        class_=state,
    )


def _section(title: str, content: Iterable[str]) -> str:
    inner = "\n".join(content)
    return element("section", element("h2", text(title)), inner) if inner else ""


def _cards(lines: Iterable[Line]) -> Iterator[str]:
    """One card for what a job found in one state."""
    for (state, job, where), group in groupby(lines, key=lambda line: (line.state, line.job, line.where)):
        found = list(group)
        courses = [course for line in found for course in line.courses]
        place = element("span", text(f" on {where}"), class_="where") if where else ""
        head = element("h3", element("strong", text(state.upper())), " ", element("span", text(job)), place)
        runbooks = dict.fromkeys(detail for line in found for detail in _labelled(line, "runbook"))
        below = [element("p", "Runbook: ", link(address)) for address in runbooks]
        trends = element("div", *map(figure, courses), class_="trends") if courses else ""
        items = element("ul", *(element("li", *_finding(line)) for line in found))
        yield element("article", head, items, *below, trends, class_=state.lower())


def _finding(line: Line) -> Iterator[str]:
    message = line.text.removesuffix(f" ({line.since})") if line.since else line.text
    since = element("span", text(line.since), class_="since") if line.since else ""
    yield element("div", element("span", text(message)), since, class_="found")
    for detail in line.details:
        label, _, words = detail.partition(": ")
        if label == "hint":
            yield element("div", element("code", text(words)), class_="hint")
        elif label not in ("runbook", "trend"):
            yield element("div", text(detail), class_="since")


def _labelled(line: Line, wanted: str) -> Iterator[str]:
    parts = (detail.partition(": ") for detail in line.details)
    return (words for label, _, words in parts if label == wanted)


def _calm(view: View, known: Sequence[Line]) -> list[str]:
    words = (
        "Nothing that nobody knows of." if known else "Nothing." if view.report.results else "Nothing was looked at."
    )
    return [element("p", words)]


def _list(lines: Iterable[Line], most: int | None = None) -> Iterator[str]:
    every = list(lines)
    items = [
        element("dt", element("span", text(line.state), class_=line.state), " ", text(line.job))
        + element("dd", text(f"{line.where}: {line.text}" if line.where else line.text))
        for line in every[:most]
    ]
    if items:
        yield element("dl", *items, class_="lines")
    yield from left_out(len(every) - len(items))


def _trends(lines: Iterable[Line]) -> Iterator[str]:
    """Those of jobs that are well; the others stand with what is wrong."""
    figures = [element("div", _subject(line), *map(figure, line.courses)) for line in lines if line.courses]
    if figures:
        yield element("div", *figures, class_="trends")


def _subject(line: Line) -> str:
    place = element("span", text(f" on {line.where}"), class_="where") if line.where else ""
    return element("h3", element("span", text(line.job)), place)


def _table(table: TableView) -> str:
    kinds = ["number" if number else "" for number in table.numeric]
    head = [
        element("th", text(name), class_=kind, scope="col") for name, kind in zip(table.columns, kinds, strict=True)
    ]
    rows = [
        element("tr", *(element("td", text(cell), class_=kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in table.rows
    ]
    more = element("p", f"and {table.more:,} more", class_="soft") if table.more else ""
    inner = element("thead", element("tr", *head)) + element("tbody", *rows)
    shown = element("table", inner, aria_label=table.title)
    return element("h3", text(table.title)) + element("div", shown, class_="wide", tabindex="0") + more


def _comparisons(tables: Iterable[TableView]) -> Iterator[str]:
    key = '<span class="key before"></span> before <span class="key after"></span> after'
    for table in tables:
        for column, drawn in bars(table):
            yield element("h3", text(f"{table.title}: {column}"))
            yield element("p", key, class_="soft")
            yield drawn


def _footer(view: View) -> str:
    report = view.report
    following = f"Next run {show_time(report.next_slot)}. " if report.next_slot else ""
    took = f"Took {view.took()}. " if view.took() else ""
    return element(
        "footer", text(f"{following}{took}Made {show_time(report.created)}. Report {clean(report.id, limit=200)}")
    )
