"""The format `text`: a report for people, in a layout that a Jinja template of the home can replace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.api import Fault, FormatContext, Options, Report
from runner.errors import TemplateError
from runner.formats.layout import aligned, pad, width
from runner.formats.view import Line, View
from runner.template import Template, clean

TEMPLATE = "report.txt.j2"
_STATE_COLUMNS = len("recovered")
_WIDEST_JOB = 40


def render(report: Report, options: Options, context: FormatContext) -> str:
    """The report as text that ends with a newline; `rows` bounds each table and each job's findings.

    A template of the home that cannot be used becomes a fault of the report, which is then laid out as usual.
    """
    rows = int(options.get("rows", 20))
    for folder in context.templates:
        path = folder / TEMPLATE
        if path.is_file():
            try:
                return _filled(own_template(path), report, rows)
            except TemplateError as error:
                fault = Fault(where=f"template {folder.name}/{TEMPLATE}", message=error.message, hint=error.hint)
                report = replace(report, faults=(*report.faults, fault))
    values = View(report, rows=rows).context()
    return clean("".join(f"{line}\n" for line in _lines(values, _Layout(values))), newlines=True, limit=None)


def _lines(values: Mapping[str, Any], layout: _Layout) -> Iterator[str]:
    """The usual layout. It is no template: on a tick on which nothing is wrong, Jinja would cost more than all sinks."""
    yield f"{values['state'].upper():9}  {values['title']}  {values['slot']}  {values['counts']}"
    yield from (f"{' ' * 11}{line}" for line in aligned(values["targets"]))
    for lines in (values["problems"], values["recovered"]):
        yield from _after_a_blank(layout.below(lines))
    for table in values["tables"]:
        yield from ("", table.title, *(f"  {line}" for line in table.lines))
    for lines in (values["fine"], [*values["skipped"], *values["notes"], *values["faults"]]):
        yield from _after_a_blank(layout.below(lines))
    times = [values["took"] and f"took {values['took']}", values["next"] and f"next run {values['next']}"]
    if any(times):
        yield from ("", ", ".join(filter(None, times)))


def _after_a_blank(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield from (line,) if number else ("", line)


def own_template(path: Path) -> Template:
    """A template of the home; raises TemplateError when it cannot be read."""
    try:
        source = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path} cannot be read: {error}") from error
    return Template(source, name=path.name, multiline=True, limit=None)


def _filled(template: Template, report: Report, rows: int) -> str:
    values = View(report, rows=rows).context()
    functions = {"below": _Layout(values).below, "align": aligned}
    text = template.render({**values, **functions})
    return text if text.endswith("\n") else text + "\n"


class _Layout:
    """Puts all lines of one report on the same columns."""

    def __init__(self, values: Mapping[str, object]) -> None:
        lines = [
            item for value in values.values() if isinstance(value, list) for item in value if isinstance(item, Line)
        ]
        self._job = max((min(width(line.job), _WIDEST_JOB) for line in lines), default=0)
        self._where = max((width(line.where) for line in lines), default=0)
        self._text = max((width(line.text) for line in lines if line.trend), default=0)

    def below(self, lines: Sequence[Line]) -> Iterator[str]:
        """The lines with their details indented below them."""
        indent = " " * (_STATE_COLUMNS + 2)
        for line in lines:
            parts = [pad(line.state, _STATE_COLUMNS), pad(line.job, self._job)]
            parts += [pad(line.where, self._where)] if self._where else []
            parts += [pad(line.text, self._text), line.trend] if line.trend else [line.text]
            yield "  ".join(parts).rstrip()
            for detail in line.details:
                yield indent + detail
