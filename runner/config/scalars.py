"""What a plain scalar means, by the core rules of YAML 1.2, kept strict."""

from __future__ import annotations

import math
import re

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# A leading zero means octal to some and nothing to others, so such a number stays text. The lengths are bounded
# because no setting needs more, and int() refuses thousands of digits.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,99}|(0|[1-9][0-9]{0,99})(\.[0-9]{0,99})?)([eE][-+]?[0-9]{1,3})?", re.ASCII)


def resolve(text: str) -> bool | int | float | str | None:
    """true, false, null, whole numbers and decimals; everything else is text (dates, times, on, off, 010, 1_000)."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
