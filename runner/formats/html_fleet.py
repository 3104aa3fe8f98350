"""The HTML page of many targets: their states by label, and what is wrong in one part that can be folded for each value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from runner.api import Report, State
from runner.formats.html_parts import element, text
from runner.formats.view import Line
from runner.model.fleet import WITHOUT, Part, by_label, telling_label, worst_of
from runner.records import dataclass
from runner.template import clean

MANY = 20
"""From more targets than that they are shown by label."""
MOST_LINES = 100
"""Lines of a list; cards of one value of the label."""
_COLUMNS = ("critical", "unknown", "warning", "ok", "not looked at", "targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Many targets by the values of a label; `values` is that of each target."""

    label: str
    parts: tuple[Part, ...]
    values: Mapping[str, str]


def fleet_of(report: Report) -> Fleet | None:
    """None for so few targets that each can be named. Without a label that tells them apart they are one part."""
    labels = {info.name: info.labels for info in report.targets}
    if len(labels) <= MANY:
        return None
    label = telling_label(labels.values())
    states = worst_of((result.target, result.state) for result in report.results)
    return Fleet(
        label=label or "state",
        parts=by_label(label, labels, states),
        values={name: own.get(label, WITHOUT) for name, own in labels.items()},
    )


def overview(fleet: Fleet) -> Iterator[str]:
    """A table with one line for each value, the worst first."""
    head = element("th", text(clean(fleet.label, limit=80)), scope="col")
    heads = (element("th", text(name), class_="number", scope="col") for name in _COLUMNS)
    rows = [element("tr", element("td", text(clean(part.value, limit=80))), *_cells(part)) for part in fleet.parts]
    table = element("table", element("thead", element("tr", head, *heads)), element("tbody", *rows))
    yield element("div", table, class_="wide", tabindex="0")


def _cells(part: Part) -> Iterator[str]:
    for state in (State.CRITICAL, State.UNKNOWN, State.WARNING):
        count = part.states.get(state, 0)
        yield element("td", f"{count:,}" if count else "", class_=f"number {state.value}")
    yield element("td", f"{part.well:,}" if part.well else "", class_="number ok")
    yield element("td", f"{part.silent:,}" if part.silent else "", class_="number")
    yield element("td", f"{part.targets:,}", class_="number")


def grouped(lines: Sequence[Line], fleet: Fleet, cards: Callable[[Iterable[Line]], Iterable[str]]) -> Iterator[str]:
    """What is wrong on the targets of each value, folded but for the worst; first what belongs to no target."""
    by_value: dict[str | None, list[Line]] = {}
    for line in lines:
        by_value.setdefault(fleet.values.get(line.target), []).append(line)
    yield from cards(by_value.get(None, [])[:MOST_LINES])
    yield from left_out(len(by_value.get(None, [])) - MOST_LINES)
    is_first = True
    for part in fleet.parts:
        if found := by_value.get(part.value):
            title = f"{clean(fleet.label, limit=80)} {clean(part.value, limit=80)}: {part.words}"
            inner = [element("summary", text(title)), *cards(found[:MOST_LINES]), *left_out(len(found) - MOST_LINES)]
            yield element("details", *inner, open="open" if is_first else "")
            is_first = False


def left_out(count: int) -> Iterator[str]:
    if count > 0:
        yield element("p", f"and {count:,} more", class_="soft")
