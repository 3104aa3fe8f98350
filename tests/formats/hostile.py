"""Texts from a database that try to be something else, and reports that have one of them everywhere."""

from __future__ import annotations

from runner.model.history import Series
from runner.model.problem import Change
from runner.model.quantity import Dimension
from runner.model.report import Fault, Report, TargetInfo
from runner.model.result import Column, Finding, Observation, Outcome, Result, Table, skipped
from runner.model.state import State
from tests.formats.samples import SLOT, change, report, result, trend

CELLS = {
    "script": "<script>alert(1)</script>",
    "picture": "<img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "comment": "--> ]]> <!-- <![CDATA[ </style></title></textarea>",
    "entity": "&lt;b&gt; &#60;script&#62; &amp;amp; &nbsp",
    "script address": "javascript:alert(1)",
    "address": "see https://evil.example/ and www.evil.example or mailto:a@evil.example",
    "markdown": "[click](javascript:alert(1)) ![x](http://evil.example/x.png) **bold** `code` # head ~~gone~~ $x$",
    "markdown blocks": "- item\n\n# head\n\n> quote\n```\ncode\n---",
    "mention": "@everyone @here #123 !456",
    "pipe": "a | b || c",
    "comma": "a,b;c\t\"quoted\" 'single'",
    "formula": "=cmd|' /C calc'!A0",
    "formula after blanks": " \t\r\n=1+1",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(A1)",
    "wide formula": "\uff1dSUM(A1)",
    "line breaks": "one\ntwo\r\nthree\rfour\u2028five\u2029six\x0bseven\x0ceight\x85nine",
    "terminal": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\ \x9b2J",
    "controls": "".join(map(chr, [*range(32), *range(127, 160)])),
    "bidi": "abc\u202edcba\u202c \u2066x\u2069 \u200f \u061c",
    "invisible": "a\u200bb\ufeffc\u2060d\u00ade",
    "surrogates": "half \ud800 and \udfff, a pair \ud83d\ude00",
    "not characters": "\ufffe\uffff\U0001ffff",
    "template": "{{ 7 * 7 }} {% for x in y %} ${HOME} #{x} <%= 1 %> {#",
    "label": 'a"} 1\nevil_metric{x="y\\',
    "backslash": "ends with \\",
    "nothing": "",
    "blank": "   ",
    "long": "x" * 1_000_000,
    "long and wide": "𝔘" * 300_000,
    "long word of tags": "<b>" * 300_000,
}


def everywhere(cell: str) -> Report:
    """A report whose every text is this cell."""
    series = Series(cell, (cell,))
    outcome = Outcome(
        summary=cell,
        findings=(
            Finding(state=State.CRITICAL, message=cell, series=series, reason=cell, hint=cell, since=SLOT),
            Finding(state=State.UNKNOWN, message=cell, reason=cell),
            Finding(state=State.WARNING, message=cell, pending=True),
        ),
        observations=(Observation(series=series, values={"used": 1, cell or "value": 2, "text": cell}),),
        columns=(Column(name="used", dimension=Dimension.BYTES, warning=cell),),
        tables=(
            Table(
                title=cell,
                columns=(cell, "size before", "size after"),
                rows=((cell, "1 MB", cell), (cell, cell, "2 MB")),
            ),
        ),
        trends=(trend(cell, 1, 2, 3, key=(cell,)),),
        notes=(cell,),
        key=(cell or "name",),
    )
    gone = change(cell, Change.RECOVERED, State.WARNING, State.OK, cell, message=cell)
    return report(
        _result(cell, outcome, transitions=(gone,)),
        _result(f"{cell}2", Outcome(summary=cell, trends=(trend(cell, 1, 2),))),
        _result(f"{cell}3", skipped(cell)),
        title=cell,
        group=cell,
        targets=(TargetInfo(name=cell, address=cell, version=cell, role=cell, labels={cell: cell}),),
        faults=(Fault(where=cell, message=cell, hint=cell),),
    )


def _result(job: str, outcome: Outcome, **changes: object) -> Result:
    return result(job, outcome, target=job, hint=job, runbook=job, tags=(job,), **changes)
