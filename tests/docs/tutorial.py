"""Follows a page as a reader would: writes its files, makes its changes, runs its commands, and compares what is printed.

A `yaml` or `python` block behind `<!-- file: checks.d/x.yaml -->` is written there. A `diff` block changes that file for the
commands behind it, and is taken back at the next block that changes something, unless `<!-- keep -->` stands before it.
`<!-- keep: tests/x.py -->` keeps a change of another file.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SHOWN_HOME = "/home/you"
SHOWN_SERVER = r"\1localhost:5432/app  PostgreSQL 16.4  primary"
_SERVER = re.compile(r"^( +main  )\S+  PostgreSQL \S+(?: \([^)]*\))?  primary", re.MULTILINE)
_FENCE = re.compile(
    r"(?:<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
# What another day, another machine and another server print differently.
_CHANGES = (
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}"), "TIME"),
    (re.compile(r"(took|oldest for) [0-9.]+ m?s"), r"\1 SECONDS"),
    (re.compile(r", in [0-9].*$", re.MULTILINE), ", in SECONDS"),
    (re.compile(r"; next: .*$", re.MULTILINE), "; next: TIMES"),
    (re.compile(r"[0-9]+ (of [0-9]+ would run|jobs in [0-9]+ groups)"), "N JOBS"),
    (re.compile(r"^( +main  ).*PostgreSQL.*$", re.MULTILINE), r"\1SERVER"),
    (re.compile(r"PostgreSQL [0-9.]+[^,\n]*"), "PostgreSQL"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the page, where its output stands, what is shown, and what was printed."""

    command: str
    start: int
    end: int
    shown: str
    printed: str
    code: int


class Reader:
    """Keeps the folder in which the page is followed, and the files as they are without passing changes."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._where = folder
        self._environment = environment
        self._file = ""
        self._before: dict[Path, str] = {}

    def follow(self, page: str) -> Iterator[Step]:
        for block in _FENCE.finditer(page):
            note, text = block["note"] or "", block["text"]
            match block["language"]:
                case "yaml" | "python" if note.startswith("file: "):
                    self._write(note.removeprefix("file: "), text)
                case "diff":
                    self._file = note.removeprefix("keep: ") if note.startswith("keep: ") else self._file
                    self._change(text, keep=note.startswith("keep"))
                case "console":
                    yield from self._run(text, block.start("text"))

    def _write(self, name: str, text: str) -> None:
        self._restore()
        self._file = name
        (self._where / name).write_text(text)

    def _change(self, text: str, *, keep: bool) -> None:
        self._restore()
        path = self._where / self._file
        before = path.read_text()
        after = changed(before, text)
        path.write_text(after)
        if not keep:
            self._before = {path: before}

    def _restore(self) -> None:
        for path, text in self._before.items():
            path.write_text(text)
        self._before = {}

    def _run(self, text: str, offset: int) -> Iterator[Step]:
        commands = list(re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE))
        assert commands
        assert commands[0].start() == 0, "a block of the console begins with a command"
        for found in commands:
            done = subprocess.run(
                ["bash", "-c", f"{found[1]}\ncode=$?; pwd > {self._folder}/.where; exit $code"],
                cwd=self._where, env=dict(self._environment), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, timeout=120,
            )  # fmt: skip
            self._where = Path((self._folder / ".where").read_text().strip())
            printed = _SERVER.sub(SHOWN_SERVER, done.stdout.replace(str(self._folder), SHOWN_HOME))
            yield Step(found[1], offset + found.start(2), offset + found.end(2), found[2], printed, done.returncode)


def changed(before: str, diff: str) -> str:
    """The text with the lines behind `-` replaced by those behind `+`; every `-` line must be there exactly once."""
    lines = diff.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in ("-", " "))
    new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in ("+", " "))
    assert before.count(old) == 1, f"{old!r} stands {before.count(old)} times in the file"
    return before.replace(old, new)


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in _CHANGES:
        text = pattern.sub(word, text)
    return text


def rewritten(page: str, steps: list[Step]) -> str:
    """The page with what was printed, where it differs in more than what differs from run to run."""
    for step in reversed(steps):
        if steady(step.shown) != steady(step.printed):
            page = page[: step.start] + step.printed + page[step.end :]
    return page
