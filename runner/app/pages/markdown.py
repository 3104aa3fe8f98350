"""Text from anywhere as Markdown that shows it as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Code in a description stays code; all other characters that mean something are escaped.
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_ACTIVE = re.compile(r"[\\`*\[\]<|~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_AT_START = re.compile(r"^(?:[-+>=](?=\s|$|[-=])|#{1,6}(?=\s|$)|>)")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
_PIPE = re.compile(r"(?<!\\)\|")
_ESCAPED_PIPE = r"\\|"


def text(value: str) -> str:
    """One line of running text; pairs of backticks keep their meaning."""
    line = " ".join(value.split())
    parts: list[str] = []
    end = 0
    for found in _CODE.finditer(line):
        parts += [_escaped(line[end : found.start()]), code(found[1])]
        end = found.end()
    return _guarded("".join((*parts, _escaped(line[end:]))))


def paragraphs(value: str) -> list[str]:
    """Text with empty lines between its paragraphs, each followed by an empty line."""
    lines: list[str] = []
    for part in re.split(r"\n\s*\n", value.strip()):
        lines += [text(part), ""] if part.strip() else []
    return lines


def code(value: str) -> str:
    """One line as code; backticks inside make the fence longer."""
    line = " ".join(value.split())
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""


def block(value: str, language: str = "", *, indent: str = "") -> list[str]:
    """Lines as they are, and an empty line after them."""
    fence = "`" * max(3, _longest_run(value) + 1)
    lines = [f"{fence}{language}", *value.strip("\n").splitlines(), fence]
    return [*(f"{indent}{line}".rstrip() for line in lines), ""]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of cells that are Markdown already, and an empty line after it."""
    made = [_row(head), "|" + "---|" * len(head), *map(_row, rows)]
    return [*made, ""]


def link(url: str) -> str:
    """An address as a link, anything else as text."""
    return f"<{url}>" if re.fullmatch(r"https?://[^\s<>]+", url) else text(url)


def heading(level: int, title: str) -> list[str]:
    return ["#" * level + " " + text(title), ""]


def anchor(title: str) -> str:
    """The name that GitHub gives to a heading."""
    kept = re.sub(r"[^\w\s-]", "", title.lower())
    return re.sub(r"\s", "-", kept)


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _row(cells: Sequence[str]) -> str:
    # A pipe ends a cell even inside code; text() has put its backslash there before.
    return f"| {' | '.join(_PIPE.sub(_ESCAPED_PIPE, cell) for cell in cells)} |"


def _escaped(part: str) -> str:
    return _ACTIVE.sub(lambda found: f"\\{found[0]}", part)


def _guarded(line: str) -> str:
    line = _AT_START.sub(lambda found: f"\\{found[0]}", line)
    return _NUMBERED.sub(r"\1\\\2", line)


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)
