"""Elements, trends and bars of the HTML page: every text is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from runner.errors import ScheduleError
from runner.formats.course import Course
from runner.formats.view import TableView
from runner.model.quantity import SIZE_UNITS, parse_duration

_WIDTH, _HEIGHT, _MARGIN = 240, 40, 4
_MOST_POINTS = 240
_MOST_BARS = 12
_AMOUNT = re.compile(r"([+-]?[\d,]+(?:\.\d+)?)\s*(\S*)")


def element(tag: str, *content: str, **attributes: str) -> str:
    """An element; its content is HTML, its attributes are texts. `class_` is `class`."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_quoted(text)}"' for name, text in attributes.items() if text
    )
    return f"<{tag}{named}>{''.join(content)}</{tag}>"


def text(value: str) -> str:
    """Text as HTML. The library's own function comes with a table of 2,000 entities that nobody here needs."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(value: str) -> str:
    """A text as an attribute in double quotes."""
    return text(value).replace('"', "&quot;").replace("'", "&#x27;")


def link(address: str) -> str:
    """A link when it leads to a web page, else the text."""
    if re.fullmatch(r"https?://[^\s<>\"'\\]+", address, re.IGNORECASE):
        return element("a", text(address), href=address, rel="noopener noreferrer")
    return text(address)


def figure(course: Course) -> str:
    """A trend as a line from its lowest to its highest value, with the same in words."""
    words = f"{course.name}: {course.first} → {course.last} in {course.span}"
    spoken = f"{words}, lowest {course.low}, highest {course.high}"
    return element("figure", _spark(course, spoken), element("figcaption", text(words)))


def _spark(course: Course, spoken: str) -> str:
    places = list(_places(_thinned(course.points)))
    path = " ".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(places))
    x, y = places[-1]
    ground = f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT - 0.5}" y2="{_HEIGHT - 0.5}"/>'
    drawn = f'{ground}<path d="{path}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.75"/>'
    return element(
        "svg", element("title", text(spoken)), drawn, class_="spark", role="img", aria_label=spoken,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
    )  # fmt: skip


def _places(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Where the points stand in the picture; a flat course is a line in its middle."""
    values = [value for _, value in points]
    low, high, span = min(values), max(values), max(points[-1][0] - points[0][0], 1e-9)
    width, height = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    for at, value in points:
        share = (value - low) / (high - low) if high > low else 0.5
        x = (at - points[0][0]) / span if len(points) > 1 else 1.0
        yield _MARGIN + width * min(max(x, 0.0), 1.0), _MARGIN + height * (1 - share)


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most so many points as can be seen: of each stretch its lowest and its highest, so that no peak is lost."""
    if len(points) <= _MOST_POINTS:
        return points
    stretch = -(-len(points) * 2 // _MOST_POINTS)
    kept = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(ends)
    return [*kept, points[-1]] if kept[-1] != points[-1] else kept


def bars(table: TableView) -> Iterator[tuple[str, str]]:
    """For each column that is measured before and after, its name and the rows as pairs of bars."""
    for before, name in enumerate(table.columns):
        column = name.removesuffix(" before")
        after = next((place for place in _after(table, column, before)), None)
        if column != name and after is not None:
            rows = [row for row in table.rows if _amount(row[before]) is not None and _amount(row[after]) is not None]
            if rows:
                yield column, _pairs(table, rows[:_MOST_BARS], before, after)


def _after(table: TableView, column: str, before: int) -> Iterator[int]:
    names = table.columns
    return (place for place in range(before + 1, len(names)) if names[place] in (f"{column} after", "after"))


def _pairs(table: TableView, rows: Iterable[Sequence[str]], before: int, after: int) -> str:
    chosen = list(rows)
    most = max((abs(_amount(row[place]) or 0.0) for row in chosen for place in (before, after)), default=0.0) or 1.0
    return element("div", *(_pair(table, row, before, after, most) for row in chosen), class_="bars")


def _pair(table: TableView, row: Sequence[str], before: int, after: int, most: float) -> str:
    names = [cell for cell, number in zip(row[:before], table.numeric, strict=False) if not number and cell]
    name = ".".join(names) or "all"
    words = f"{row[before]} → {row[after]}"
    rectangles = "".join(
        f'<rect class="{word}" x="0" y="{y}" height="45" width="{_share(row[place], most):.2f}"/>'
        for word, place, y in (("before", before, 0), ("after", after, 55))
    )
    drawn = element(
        "svg", element("title", text(f"{name}: {words}")), rectangles, role="img", aria_label=f"{name}: {words}",
        viewBox="0 0 100 100", preserveAspectRatio="none",
    )  # fmt: skip
    return element("span", text(name), class_="name") + drawn + element("span", text(words), class_="number")


def _share(cell: str, most: float) -> float:
    """The length of a bar in hundredths; what is not nothing can be seen."""
    share = 100 * abs(_amount(cell) or 0.0) / most
    return max(share, 0.5) if share else 0.0


def _amount(cell: str) -> float | None:
    """The number in a cell in its base unit; None when there is none."""
    match = _AMOUNT.fullmatch(cell.strip())
    if match and (not match[2] or match[2] in SIZE_UNITS):
        return float(match[1].replace(",", "")) * SIZE_UNITS.get(match[2], 1)
    try:
        return parse_duration(cell.replace(",", ""))
    except ScheduleError:
        return None
