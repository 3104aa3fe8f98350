"""Diagnostics for machines: JSON, annotations of GitHub's workflows, and SARIF."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Sequence
from typing import Any

from runner.config.codes import meaning
from runner.config.diagnostics import ordered
from runner.model.diagnostic import BUILT_IN, Diagnostic, Severity, Span
from runner.version import VERSION


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """`runner.diagnostics/1`: a list with code, severity, place, message and hint."""
    found = [
        {
            "code": item.code,
            "severity": item.severity.value,
            "file": item.span.file,
            "line": item.span.line,
            "column": item.span.column,
            "end_line": item.span.end_line,
            "end_column": item.span.end_column,
            "message": item.message,
            "hint": item.hint,
        }
        for item in ordered(diagnostics)
    ]
    return _dump({"schema": "runner.diagnostics/1", "diagnostics": found})


def as_github(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """One workflow command a line; `folder` leads from where the workflow runs to the home.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
    """
    return "\n".join(_command(item, folder) for item in ordered(diagnostics))


def as_sarif(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """A SARIF 2.1.0 log with one run: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    found = ordered(diagnostics)
    codes = sorted({item.code for item in found})
    run = {
        "tool": {"driver": {"name": "runner", "version": VERSION, "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, codes, folder) for item in found],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return _dump({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _dump(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2)


def _command(item: Diagnostic, folder: str) -> str:
    span = item.span
    place = {}
    if span.file != BUILT_IN.file:
        place = {"file": _path(span, folder), "line": span.line, "endLine": span.end_line, "col": span.column}
        if span.end_line == span.line:
            place["endColumn"] = span.end_column
    properties = {**place, "title": item.code}
    listed = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    text = f"{item.message}\n{item.hint}" if item.hint else item.message
    return f"::{item.severity.value} {listed}::{_escaped(text)}"


def _escaped(text: str, signs: str = "") -> str:
    """As the runner of workflows wants it: per cent, line breaks, and in properties the separators."""
    for sign in f"%\r\n{signs}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _path(span: Span, folder: str) -> str:
    return posixpath.normpath(posixpath.join(folder, span.file))


def _rule(code: str) -> dict[str, Any]:
    words = meaning(code) or f"A complaint of a plugin: {code}"
    return {"id": code, "shortDescription": {"text": words}, "help": {"text": f"runner explain {code}"}}


def _result(item: Diagnostic, codes: Sequence[str], folder: str) -> dict[str, Any]:
    text = f"{item.message}\n{item.hint}" if item.hint else item.message
    return {
        "ruleId": item.code,
        "ruleIndex": codes.index(item.code),
        "level": "error" if item.severity is Severity.ERROR else "warning",
        "message": {"text": text},
        "locations": [] if item.span.file == BUILT_IN.file else [_location(item.span, folder)],
    }


def _location(span: Span, folder: str) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    path = _path(span, folder)
    uri = f"file://{_quoted(path)}" if path.startswith("/") else _quoted(path)
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)
