"""The format `junit`: one suite a report, one case for each job and target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from runner.api import FormatContext, Options, Report
from runner.formats.document import report_document
from runner.template import clean

_LINE = 2000
_FAILURES = ("critical", "warning")
_NOT_JUDGED = ("skipped", "learning")
_COUNTS = {"tests": "testcase", "failures": "*/failure", "errors": "*/error", "skipped": "*/skipped"}


def render(report: Report, _options: Options, _context: FormatContext) -> str:
    """What is warning or critical is a failure, what is unknown an error, what was not judged is skipped."""
    document = report_document(report)
    suite = ET.Element("testsuite", name=_text(document["group"]), timestamp=document["slot"])
    for result in document["results"]:
        _add(suite, document["group"], result)
    for fault in document["faults"]:
        case = ET.SubElement(suite, "testcase", classname="runner", name=_text(fault["where"]), time="0.000")
        hint = [f"hint: {_text(fault['hint'])}"] if fault["hint"] else []
        _say(case, "error", "fault", [_text(fault["message"]), *hint])
    for name, path in _COUNTS.items():
        suite.set(name, str(len(suite.findall(path))))
    suite.set("time", f"{sum(result['seconds'] for result in document['results']):.3f}")
    root = ET.Element("testsuites", name=_text(document["title"] or document["group"]))
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(suite: ET.Element, group: str, result: Mapping[str, Any]) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=_text(group), name=_text(result["key"].rstrip("@")), time=f"{result['seconds']:.3f}"
    )  # fmt: skip
    judged = [item for item in result["findings"] if not item["pending"]]
    unknown = [item for item in judged if item["state"] == "unknown"]
    failed = [item for state in _FAILURES for item in judged if item["state"] == state]
    if result["state"] in _NOT_JUDGED:
        ET.SubElement(case, "skipped", message=_text(_why_not(result)))
    if unknown:
        _say(case, "error", "unknown", _lines(unknown, result))
    if failed:
        _say(case, "failure", failed[0]["state"], _lines(failed, result))
    others = [_line(item) for item in result["findings"] if item["pending"]] + [_text(note) for note in result["notes"]]
    if others:
        ET.SubElement(case, "system-out").text = "\n".join(others)


def _why_not(result: Mapping[str, Any]) -> str:
    learning = (item["message"] for item in result["findings"] if item["state"] == "learning")
    return str(result["skipped"] or next(learning, result["summary"]))


def _say(case: ET.Element, tag: str, kind: str, lines: Sequence[str]) -> None:
    ET.SubElement(case, tag, type=kind, message=lines[0]).text = "\n".join(lines)


def _lines(findings: Sequence[Mapping[str, Any]], result: Mapping[str, Any]) -> list[str]:
    hints = dict.fromkeys(item["hint"] for item in findings if item["hint"]) or dict.fromkeys([result["hint"]])
    lines = [_line(item) for item in findings]
    lines += [f"hint: {_text(hint)}" for hint in hints if hint]
    return [*lines, f"runbook: {_text(result['runbook'])}"] if result["runbook"] else lines


def _line(finding: Mapping[str, Any]) -> str:
    where = f"{finding['database']}: " if finding["database"] else ""
    word = "pending" if finding["pending"] else finding["state"]
    since = f" (since {finding['since']})" if finding["since"] else ""
    return _text(f"{word}: {where}{finding['message']}") + since


def _text(text: str) -> str:
    """One line of what XML 1.0 can hold: the two characters beyond it that cleaning leaves are no text anywhere."""
    return clean(text, limit=_LINE).translate({0xFFFE: None, 0xFFFF: None})
