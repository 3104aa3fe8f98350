"""The formats `json` and `json_lines`: the report's public document, indented or on one line."""

from __future__ import annotations

import json
import re

from runner.api import FormatContext, Options, Report
from runner.formats.document import report_document

# JSON escapes only C0 controls. These too would steer a terminal, reorder text or break a line of a log.
_UNSAFE = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def render(report: Report, _options: Options, _context: FormatContext) -> str:
    """The document indented by two, with a newline at its end."""
    return _safe(json.dumps(report_document(report), ensure_ascii=False, allow_nan=False, indent=2))


def render_line(report: Report, _options: Options, _context: FormatContext) -> str:
    """The document as exactly one line."""
    return _safe(json.dumps(report_document(report), ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def _safe(text: str) -> str:
    escaped = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return _SURROGATES.sub("\ufffd", escaped) + "\n"
