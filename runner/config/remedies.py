"""What to write instead of a value that YAML reads in another way than its author."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from runner.config.job_keys import DURATION_WORDS

_TRUTHS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_CLOCK = re.compile(r"([0-9]+):([0-9]{2})(?::([0-9]{2}))?")
_DIGITS = re.compile(r"[0-9][0-9_]*")


def instead_of(text: str, wanted: Collection[str], words: str) -> str:
    """The hint for a text where JSON Schema wants one of these types, or `words` say what; empty without one."""
    if "boolean" in wanted and text.lower() in _TRUTHS:
        return f"write `{_TRUTHS[text.lower()]}`: `{text}` is a text in YAML 1.2"
    if wanted and not {"integer", "number"}.isdisjoint(wanted) and _DIGITS.fullmatch(text):
        return f"write {int(text.replace('_', ''))}: numbers have no leading zeros and no underscores here"
    if "array" in wanted and text:
        return f"write [{text}]"
    if words.startswith(DURATION_WORDS):
        return _duration(text)
    return ""


def _duration(text: str) -> str:
    if clock := _CLOCK.fullmatch(text):
        parts = zip(clock.groups(), ("h", "min", "s"), strict=True)
        return f"write {' '.join(f'{int(number)}{unit}' for number, unit in parts if number and int(number))}"
    return f"write the unit: {text}s, {text}min or {text}h" if _DIGITS.fullmatch(text) else ""
