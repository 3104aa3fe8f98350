"""The format `text`: a report for people, laid out by a Jinja template that a home can replace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from runner.api import FormatContext, Options, Report
from runner.formats.layout import aligned, pad, width
from runner.formats.view import Line, View
from runner.template import Template

TEMPLATE = "report.txt.j2"
_STATE_COLUMNS = len("recovered")
_WIDEST_JOB = 40


def render(report: Report, options: Options, context: FormatContext) -> str:
    """The report as text that ends with a newline; `rows` bounds each table and each job's findings."""
    values = View(report, rows=int(options.get("rows", 20))).context()
    layout = _Layout(values)
    functions = {"below": layout.below, "align": aligned}
    return find_template(TEMPLATE, context.templates).render({**values, **functions})


def find_template(name: str, folders: Sequence[Path]) -> Template:
    """The home's own template of that name, or the one that comes with runner."""
    for folder in folders:
        path = folder / name
        if path.is_file():
            return Template(path.read_text("utf-8"), name=str(path), multiline=True, limit=None)
    return _shipped(name)


@cache
def _shipped(name: str) -> Template:
    path = Path(__file__).with_name(name)
    return Template(path.read_text("utf-8"), name=name, multiline=True, limit=None)


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
