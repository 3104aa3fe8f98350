"""The verdicts of tests as JUnit XML, for what collects test results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from runner.app.test_checks import Verdict

# What XML 1.0 can hold; everything else is no character there, not even escaped.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Verdict]) -> str:
    """One suite; `classname` is group.job, times are seconds, what was not run is skipped with its reason."""
    counts = {
        "name": "runner test",
        "tests": str(len(verdicts)),
        "failures": str(sum(bool(item.complaints) for item in verdicts)),
        "errors": "0",
        "skipped": str(sum(bool(item.not_run) for item in verdicts)),
        "time": _seconds(sum(item.seconds for item in verdicts)),
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts)
    for verdict in verdicts:
        _add(suite, verdict)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(suite: ET.Element, verdict: Verdict) -> None:
    case = verdict.case
    element = ET.SubElement(
        suite, "testcase", classname=_clean(f"{case.job.group}.{case.job.name}"), name=_clean(case.name),
        file=_clean(case.span.file), line=str(case.span.line), time=_seconds(verdict.seconds),
    )  # fmt: skip
    if verdict.not_run:
        ET.SubElement(element, "skipped", message=_clean(verdict.not_run))
    if verdict.complaints:
        failure = ET.SubElement(element, "failure", message=_clean(verdict.complaints[0]))
        failure.text = _clean("\n".join([str(case.span), *verdict.complaints]))


def _clean(text: str) -> str:
    return _NO_CHARACTER.sub("", text)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
