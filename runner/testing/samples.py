"""Reports of every sort, and texts from a database that try to be something else."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from runner.api import Column, Dimension, Finding, Observation, Outcome, Report, Result, Series, State, Table
from runner.testing.builders import fault, finding, report, result, target_info, transition, trend

HOSTILE: Mapping[str, str] = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)> & \" ' --> ]]>",
    "terminal": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \x00\x08\x7f",
    "lines": "one\ntwo\r\nthree\rfour\u2028five\u2029six\x0bseven\x0ceight\x85nine",
    "unicode": "\u202egnp.exe \u200b\ufeff \ud800 half \ufffe \U0001d518",
    "template": "{{ 7 * 7 }} {% for x in y %} ${HOME} %s {0} #{x} <%= 1 %>",
    "quotes": "a,b;c|d\t\"quoted\" 'single' back\\slash \\",
    "formula": "=cmd|' /C calc'!A0",
    "markdown": "[click](javascript:alert(1)) **bold** `code` @everyone\n# head",
    "long": "x" * 1_000_000,
    "empty": "",
}
"""Texts by what they attack; a report of each is among the samples as `hostile: markup` and so on."""

STEERING: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal or a reader; of line breaks only the line feed is none."""


def hostile(text: str) -> Report:
    """A report with this text wherever one can stand that is not runner's own: names of jobs and groups are words."""
    series = Series(text, (text,))
    outcome = Outcome(
        summary=text,
        findings=(
            Finding(state=State.CRITICAL, message=text, series=series, reason=text, hint=text),
            Finding(state=State.WARNING, message=text, pending=True),
        ),
        observations=(Observation(series=series, values={"used": 1, text or "value": text}),),
        columns=(Column(name="used", dimension=Dimension.BYTES, warning=text),),
        tables=(Table(title=text, columns=(text, "size"), rows=((text, "1 MB"),)),),
        trends=(trend(text, (1, 2, 3), text),),
        notes=(text,),
    )
    named: dict[str, Any] = {"title": text, "hint": text, "runbook": text}
    gone = transition("locks", "recovered", text, message=text)
    info = target_info(address=text, version=text, role=text, labels={"env": text})
    return report(
        result("dead-rows", outcome=outcome, **named),
        result("locks", transitions=(gone,), summary=text, **named),
        result("growth", "skipped", summary=text, **named),
        title=text, targets=(info,), faults=(fault(text, text),),
    )  # fmt: skip


def _measured() -> Result:
    values = {
        "used": 42,
        "share": 0.433,
        "nan": math.nan,
        "endless": math.inf,
        "huge": 10**30,
        "none": None,
        "yes": True,
    }
    outcome = Outcome(
        summary="42 of 97 connections",
        observations=(Observation(values=values), Observation(series=Series("app", ("a", "b")), values={"used": 7})),
        columns=(
            Column(name="used", dimension=Dimension.NUMBER, warning="used > 70"),
            Column(name="share", dimension=Dimension.RATIO, critical="share > 90%"),
        ),
        trends=(trend("used", (12, 20, 31, 28, 42)), trend("nan", (math.nan, math.inf))),
    )
    return result("connections", outcome=outcome)


def _with_tables() -> Result:
    table = Table(
        title="Before and after", columns=("table", "before", "after"), numeric=frozenset({"before", "after"}), more=12,
        rows=(("public.orders", "12.3 GB", "9.1 GB"), ("public.items", "870 MB", "860 MB")),
    )  # fmt: skip
    return result("weekly-vacuum", outcome=Outcome(summary="vacuumed 2 tables", tables=(table,)), kind="maintenance")


def _many() -> Report:
    rows = [finding("warning", f"public.t{number}: 150,000 dead rows", "public", f"t{number}") for number in range(500)]
    return report(result("dead-rows", "warning", *rows), *(result(f"job-{number}") for number in range(100)))


_MADE: Mapping[str, Callable[[], Report]] = {
    "nothing": report,
    "one ok": lambda: report(result()),
    "one critical": lambda: report(result("dead-rows", "critical", transitions=(transition(),))),
    "one warning that lasts": lambda: report(result("dead-rows", "warning")),
    "one unknown": lambda: report(result("backup-age", "unknown", hint="grant pg_monitor to checker")),
    "one skipped": lambda: report(result("replication-lag", "skipped")),
    "one learning": lambda: report(result("growth", "learning")),
    "recovered": lambda: report(result("locks", transitions=(transition("locks", "recovered", "4242", hours=6),))),
    "every state": lambda: report(*(result(f"in-{item.value}", item) for item in State)),
    "two targets": lambda: report(result(), result("dead-rows", "critical", target="standby")),
    "a job of the host": lambda: report(result("app-restart", kind="command", target="")),
    "numbers": lambda: report(_measured()),
    "tables": lambda: report(_with_tables()),
    "faults": lambda: report(result(), faults=(fault(),)),
    "500 findings": _many,
    **{f"hostile: {name}": (lambda text=text: hostile(text)) for name, text in HOSTILE.items()},  # type: ignore[misc]
}

SAMPLES: tuple[str, ...] = tuple(_MADE)
"""The names of all samples."""


@cache
def sample(name: str) -> Report:
    """The sample report of this name."""
    return _MADE[name]()
