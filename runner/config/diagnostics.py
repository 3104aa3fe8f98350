"""Diagnostics for people: sorted, without repetitions, each with its source line and carets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from unicodedata import combining, east_asian_width

from runner.model.diagnostic import Diagnostic, Span
from runner.model.suggest import did_you_mean

_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WIDEST_LINE = 160


def source_lines(text: str) -> list[str]:
    """The lines of a file as YAML counts them."""
    return _BREAKS.split(text)


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file and position, each complaint once, errors before warnings at the same place."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda item: (item.span, item.severity.value, item.code, item.message)))


def one_line(diagnostic: Diagnostic) -> str:
    """file:line:col: error[code]: message (hint)."""
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return f"{diagnostic.span}: {_headline(diagnostic)}{hint}"


def render(diagnostic: Diagnostic, sources: Mapping[str, str]) -> str:
    """Several lines: the complaint, its place, the source line with carets, the hint."""
    span = diagnostic.span
    lines = [_headline(diagnostic), f" --> {span}", *_frame(span, sources.get(span.file))]
    if diagnostic.hint:
        lines.extend(_help(diagnostic.hint))
    return "\n".join(lines)


def render_all(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """All of them, sorted, with an empty line between."""
    return "\n\n".join(render(item, sources) for item in ordered(diagnostics))


def suggest(word: str, choices: Iterable[str], noun: str) -> str:
    """The nearest choice, or all of them when they are few."""
    names = sorted(choices)
    if near := did_you_mean(word, names):
        return near
    if not names:
        return f"there is no {noun} yet"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"there {'is' if len(names) == 1 else 'are'}: {shown}"


def _headline(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.severity.value}[{diagnostic.code}]: {diagnostic.message}"


def _help(hint: str) -> list[str]:
    first, *rest = hint.splitlines()
    return [f"  = help: {first}", *(f"          {line}" for line in rest)]


def _frame(span: Span, source: str | None) -> list[str]:
    lines = source_lines(source) if source else []
    if not 1 <= span.line <= len(lines) or not lines[span.line - 1].strip():
        return []
    line = lines[span.line - 1]
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    offset = max(0, start - _WIDEST_LINE // 2) if len(line) > _WIDEST_LINE else 0
    shown = line[offset : offset + _WIDEST_LINE]
    gutter = str(span.line)
    indent = "".join("\t" if char == "\t" else " " * _width(char) for char in line[offset:start])
    carets = "^" * min(max(1, sum(map(_width, line[start:end]))), _WIDEST_LINE)
    return [f"{gutter} | {shown.rstrip()}", f"{' ' * len(gutter)} | {indent}{carets}"]


def _width(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1
