"""Changes texts at random: bits, pieces, lines and words, and words that have broken parsers before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_YAML: Final = (
    "*a", "&a ", "&a [*a]", "!!python/object:os.system ", "!x ", "<<: ", "| ", "> ", "|+9\n", "---\n", "...\n", "%YAML 1.1\n",
    "? ", ": ", "- ", "{", "}", "[", "]", ",", '"', "'", "#", " #", "\t", "\\", '"\\ud800"', '"\\U00110000"', "@", "`",
    "{{ ", " }}", "{% ", "${", "${A:-", "$${", "${file:/dev/null}", "~", "null", "yes", ".inf", "-.nan", "0x10", "1_0", "1e999",
    "9" * 300, "-0", "2026-02-30", "24:00", "\ufeff", "\u2028", "\x85", "\x00", "\x1b[31m", "\U0001f600", "é", "[" * 60, "{a: " * 60,
    "x-a: ", "jobs:\n  - ", "use: pg.*\n", "use: preset.standard\n", "sql: |\n", "check: a\n", "- *a\n" * 20, "\n", "\n\n", "\r", "\r\n",
)  # fmt: skip
_EXPRESSION: Final = (
    " and ", " or ", " not ", " is null", " is not true", " between ", " in (", " matches '", "(", ")", "((((((((((", ",", ".", "..",
    "%", " of ", ">", ">=", "=", "<>", "!=", "+", "-", "*", "/", "/ 0", "'", '"', "''", "1e400", "1e-400", "0.1", "1_000", "9" * 401,
    "9" * 399, "10GB", "5min", "80%", "1e30d", "1e300PB", "rows", "previous.size", "params.limit", "before.x", "after.size",
    "sum(", "avg(size)", "count(has_pk)", "any(", "rate(size, 1h)", "growth(size, 7d)", "zscore(size, 1e9d)", "eta(size, 1TB)",
    "at(size, 0s)", "stddev_over(dead_rows, 7d)", "round(size, 1e9)", "round(1, 400)", "age(last_vacuum)", "coalesce(", "null",
    "matches '(a+)+$'", "matches '['", "matches '(?P<a>'", "matches 'x{1,99999}'", "\x00", "\ud800", "é", "\u0663", "²", "Ⅷ", "- " * 60,
    "not " * 60, " + 1" * 60, "acme.score(1)", "true", "false", "== 1 == 1", ";", "--", "/*", "\n", "last_vacuum - last_vacuum",
)  # fmt: skip
_TEMPLATE: Final = (
    "{{ ", " }}", "{% if a %}", "{% for x in rows %}", "{% endfor %}", "{% endif %}", "{# ", " #}", "{%- raw %}", "| count", "| bytes",
    "| of('row')", "| ident", "| time", "| nope", "range(999999999)", "().__class__", "self", "loop", "[" * 80,
    "{{ a.b.c }}", "{{ 1/0 }}", "{% set a = a %}", "{% include 'x' %}", "{{ a | map('upper') | list }}", "\x1b[2J", "\ud800",
)  # fmt: skip
_SCHEDULE: Final = (
    "daily at ", "weekly on ", "every ", "hourly", "@daily", "@reboot", "* ", "*/5 ", "0 0 31 2 *", "0 0 29 2 1", "1-5", "5-1", ",", "/0",
    "L", "#", "W", "monday", "mon,", "last ", "24:00", "99", "-1", "every 7min", "every 1e9 days", "at 25:61", "0" * 50, " and ", "é",
)  # fmt: skip
WORDS: Final = {"yaml": _YAML, "expression": _EXPRESSION, "template": _TEMPLATE, "schedule": _SCHEDULE}


def mutate(random: Random, seeds: Sequence[str], words: Sequence[str]) -> bytes:
    """One to six changes of one seed; now and then the seed as it is, or half of another behind it."""
    text = random.choice(seeds)
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4, 6))):
        text = random.choice(_BY_TEXT)(random, text, seeds, words)[:200_000]
    data = text.encode("utf-8", "surrogatepass")
    return _bytes(random, data) if random.random() < 0.15 else data


def _bytes(random: Random, data: bytes) -> bytes:
    changed = bytearray(data or b" ")
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(changed))
        match random.randrange(3):
            case 0:
                changed[place] ^= 1 << random.randrange(8)
            case 1:
                changed[place:place] = bytes(random.randrange(256) for _ in range(random.randint(1, 3)))
            case _:
                changed[place] = random.randrange(256)
    return bytes(changed)


def _range(random: Random, length: int) -> tuple[int, int]:
    start = random.randint(0, length)
    return start, min(length, start + random.choice((1, 1, 2, 5, 20, 200)))


def _remove(random: Random, text: str, _: Sequence[str], __: Sequence[str]) -> str:
    start, end = _range(random, len(text))
    return text[:start] + text[end:]


def _repeat(random: Random, text: str, _: Sequence[str], __: Sequence[str]) -> str:
    start, end = _range(random, len(text))
    return text[:end] + text[start:end] * random.choice((1, 1, 2, 50)) + text[end:]


def _insert(random: Random, text: str, _: Sequence[str], words: Sequence[str]) -> str:
    place = random.randint(0, len(text))
    return text[:place] + random.choice(words) + text[place:]


def _replace_word(random: Random, text: str, _: Sequence[str], words: Sequence[str]) -> str:
    parts = _WORD.findall(text)
    if parts:
        parts[random.randrange(len(parts))] = random.choice((*words[:20], random.choice(words), random.choice(parts)))
    return "".join(parts)


def _swap_words(random: Random, text: str, _: Sequence[str], __: Sequence[str]) -> str:
    parts = _WORD.findall(text)
    if len(parts) > 1:
        one, other = random.randrange(len(parts)), random.randrange(len(parts))
        parts[one], parts[other] = parts[other], parts[one]
    return "".join(parts)


def _lines(random: Random, text: str, _: Sequence[str], __: Sequence[str]) -> str:
    """A line goes, comes twice, changes its place or its indentation."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    place = random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            del lines[place]
        case 1:
            lines.insert(random.randrange(len(lines)), lines[place])
        case 2:
            lines[place] = " " * random.randint(0, 6) + lines[place].lstrip(" ")
        case _:
            lines.insert(random.randrange(len(lines)), lines.pop(place))
    return "".join(lines)


def _splice(random: Random, text: str, seeds: Sequence[str], _: Sequence[str]) -> str:
    other = random.choice(seeds)
    return text[: random.randint(0, len(text))] + other[random.randint(0, len(other)) :]


def _character(random: Random, text: str, _: Sequence[str], __: Sequence[str]) -> str:
    place = random.randint(0, len(text))
    return (
        text[:place]
        + chr(random.choice((random.randrange(128), random.randrange(0x250), random.randrange(0x110000))))
        + text[place + 1 :]
    )


_BY_TEXT: Final[tuple[Callable[[Random, str, Sequence[str], Sequence[str]], str], ...]] = (
    _remove, _repeat, _insert, _insert, _replace_word, _replace_word, _swap_words, _lines, _splice, _character,
)  # fmt: skip
