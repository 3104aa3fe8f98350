"""Thresholds as other tools write them, as conditions of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runner.app.imports.mapping import Form
from runner.errors import RunnerError

_JOINED = re.compile(r"\s*(?:\s(and|or)\s|(&&|\|\|))\s*", re.IGNORECASE)
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_LEFT = re.compile(r"-([0-9]+)")
_SIGNED = re.compile(r"[+-]([0-9]+)")
_COUNT_FOR = re.compile(r"([0-9]+)\s+for\s+(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9][0-9_]*(?:\.[0-9]+)?")
_SIZE = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*([bkmgtpe])(?:ytes?|i?b|egs?|igs?|(?:ilo|ega|iga|era|eta|xa)bytes?)?", re.IGNORECASE
)
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d|w)[a-z]*", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9._-]+")
_SIZES = {"b": "B", "k": "kB", "m": "MB", "g": "GB", "t": "TB", "p": "PB", "e": "PB"}
_SPANS = {"s": "s", "m": "min", "h": "h", "d": "d", "w": "w"}


def condition(text: str, forms: Mapping[Form, str]) -> str:
    """`10% and 5GB` as a condition. Raises RunnerError when a part of it has no form that is known here."""
    words = " ".join(text.split())
    if (counted := _COUNT_FOR.fullmatch(words)) and Form.COUNT in forms and Form.TIME in forms:
        return f"count({_one(counted[2], {Form.TIME: forms[Form.TIME]})}) >= {counted[1]}"
    parts = _JOINED.split(words)
    found = _one(parts[0], forms)
    for position in range(1, len(parts), 3):
        word = (parts[position] or {"&&": "and", "||": "or"}.get(parts[position + 1] or "", "and")).lower()
        found = f"{found} {word} {_one(parts[position + 2], forms)}"
    return found


def _one(text: str, forms: Mapping[Form, str]) -> str:
    for form, template in forms.items():
        value = _VALUES[form](text)
        if value:
            return template.format(value)
    wanted = " or ".join(form.value for form in forms) or "no threshold"
    raise RunnerError(f"the threshold `{text}` is not understood: {wanted} is expected")


def _percent(text: str) -> str:
    found = _PERCENT.fullmatch(text)
    return f"{found[1]}%" if found else ""


def _rest(text: str) -> str:
    found = _PERCENT.fullmatch(text)
    return f"{100 - float(found[1]):g}%" if found else ""


def _group(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.fullmatch(text)
    return found[1] if found else ""


def _number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else ""


def _size(text: str) -> str:
    if _number(text):
        return f"{text}B"
    found = _SIZE.fullmatch(text)
    if not found:
        return ""
    unit = found[2].lower()
    number = f"{float(found[1]) * 1024:g}" if unit == "e" else found[1]
    return f"{number}{_SIZES[unit]}"


def _span(text: str) -> str:
    if _number(text):
        return f"{text}s"
    found = list(_SPAN.finditer(text))
    rest = _SPAN.sub("", text).strip()
    if not found or (rest and not _number(rest)):
        return ""
    parts = [f"{item[1]}{_SPANS[item[2].lower()]}" for item in found] + ([f"{rest}s"] if rest else [])
    return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else ""


_VALUES = {
    Form.PERCENT: _percent,
    Form.REST: _rest,
    Form.LEFT: lambda text: _group(_LEFT, text),
    Form.COUNT: lambda text: _group(_SIGNED, text),
    Form.SIZE: _size,
    Form.BYTES: lambda text: f"{text}B" if _number(text) else "",
    Form.TIME: _span,
    Form.NUMBER: _number,
    Form.WORD: _word,
}
