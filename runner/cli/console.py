"""Writing to the terminal: tables, colours where they are wanted, messages on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from runner.cli.stdout import results, silence
from runner.errors import OutputError
from runner.model.diagnostic import Diagnostic
from runner.model.state import State

_COLOURS = {
    State.OK: "32",
    State.LEARNING: "36",
    State.WARNING: "33",
    State.UNKNOWN: "35",
    State.CRITICAL: "31;1",
    State.SKIPPED: "2",
}


def wants_colour(stream: TextIO | None) -> bool:
    """Colour only on a terminal, never with NO_COLOR (no-color.org) or a dumb terminal."""
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def say(text: str = "") -> None:
    """One piece of the result on standard output; characters that it cannot show are replaced."""
    write_result(text + "\n")


def tell(text: str) -> None:
    """A message or progress on standard error; where it cannot be written nobody can be told."""
    try:
        write(sys.stderr, text + "\n")
    except BrokenPipeError:
        raise
    except OSError:
        return


def complain(message: str, hint: str = "") -> None:
    """An error in one line, and what to do next."""
    tell(f"runner: {message}")
    if hint:
        tell(f"  help: {hint}")


def say_json(data: object) -> None:
    say(json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False, default=str))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """Aligned columns with a head; the last column is not padded."""
    lines = [tuple(columns), *(tuple(" ".join(cell.split()) for cell in row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        text = indent + "  ".join(cells).rstrip()
        say(_paint(text, "1") if number == 0 else text)


def paint(state: State, text: str = "") -> str:
    """The state's word (or the text) in its colour, when standard output wants colour."""
    return _paint(text or state.value, _COLOURS[state])


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if wants_colour(results()) else text


def say_diagnostics(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> None:
    """Every complaint with its source line, sorted, on standard error."""
    from runner.config.diagnostics import render_all

    if text := render_all(diagnostics, sources):
        tell(text)


def write(stream: TextIO | None, text: str) -> None:
    """Writes at once; a stream that was closed before the process began (`>&-`) takes nothing."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def write_report(text: str) -> None:
    """A whole report on standard output, as it is, for the sink that has to know why it cannot be written."""
    write(results(), text)


def write_result(text: str) -> None:
    """A result on standard output, as it is. Raises OutputError when the disk behind it is full."""
    try:
        write(results(), text)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        hint = "free some space, or send the output elsewhere"
        raise OutputError(f"the output cannot be written: {error.strerror or error}", hint=hint) from error
