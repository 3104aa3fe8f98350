"""Where each character of a text scalar stands in the file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from typing import overload

Place = tuple[int, int]
_ESCAPE_DIGITS = {"x": 2, "u": 4, "U": 8}
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


class Places(Sequence[Place]):
    """The places of a scalar's characters, told when somebody asks: most texts are never complained about."""

    def __init__(self, value: str, style: str, lines: list[str], start: Place, end: Place) -> None:
        self._scalar = (value, style, lines, start, end)

    @cached_property
    def _places(self) -> tuple[Place, ...]:
        return offsets(*self._scalar)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Place]: ...
    def __getitem__(self, index: int | slice) -> Place | Sequence[Place]:
        return self._places[index]


def offsets(value: str, style: str, lines: list[str], start: Place, end: Place) -> tuple[Place, ...]:
    """One (line, column) per character, counted from 1; empty when they cannot be told.

    `start` and `end` are the scalar's marks, counted from 0, `lines` those of the file.
    """
    if style == "|":
        return _literal(value, lines, start[0] + 1)
    line, column = start
    first = column + (style in ("'", '"'))
    if start[0] == end[0] and lines[line][first : first + len(value)] == value:
        return tuple((line + 1, column) for column in range(first + 1, first + len(value) + 1))
    return _aligned(value, _characters(style, lines, start, end))


def _literal(value: str, lines: list[str], first: int) -> tuple[Place, ...]:
    places: list[Place] = []
    for number, text in enumerate(value.split("\n"), start=first):
        if number >= len(lines):
            break
        source = lines[number]
        if not source.endswith(text):
            return ()
        before = len(source) - len(text) + 1
        places.extend((number + 1, column) for column in range(before, before + len(text) + 1))
    return tuple(places[: len(value)])


def _aligned(value: str, characters: Iterator[tuple[str, Place]]) -> tuple[Place, ...]:
    """Folding changes only white space, so every other character is found in its order."""
    places: list[Place] = []
    ahead = next(characters, None)
    for char in value:
        if not char.isspace():
            while ahead and ahead[0] != char and ahead[0].isspace():
                ahead = next(characters, None)
            if not ahead or ahead[0] != char:
                return ()
        if ahead:
            places.append(ahead[1])
        elif places:
            places.append(places[-1])
        if ahead and (ahead[0] == char or ahead[0].isspace()):
            ahead = next(characters, None)
    return tuple(places)


def _characters(style: str, lines: list[str], start: Place, end: Place) -> Iterator[tuple[str, Place]]:
    """The characters between the marks with escapes resolved; line ends count as one space each."""
    skipped = 1 if style in ("'", '"') else 0
    first = start[0] + 1 if style == ">" else start[0]
    for number in range(first, min(end[0] + 1, len(lines))):
        begin = start[1] + skipped if number == start[0] else 0
        text = lines[number][: end[1] - skipped] if number == end[0] else lines[number]
        joined = yield from _line(style, text, number, begin)
        if not joined:
            yield " ", (number + 1, len(text) + 1)


def _line(style: str, text: str, number: int, index: int) -> Generator[tuple[str, Place], None, bool]:
    """The characters of one line; the value is whether an escape joins it to the next."""
    while index < len(text):
        char, length = text[index], 1
        if style == "'" and char == "'":
            length = 2
        elif style == '"' and char == "\\":
            if index + 1 == len(text):
                return True
            char, length = _escape(text, index)
        yield char, (number + 1, index + 1)
        index += length
    return False


def _escape(text: str, index: int) -> tuple[str, int]:
    letter = text[index + 1]
    if letter in _ESCAPE_DIGITS:
        length = _ESCAPE_DIGITS[letter]
        return chr(int(text[index + 2 : index + 2 + length], 16)), 2 + length
    return _ESCAPES.get(letter, letter), 2
