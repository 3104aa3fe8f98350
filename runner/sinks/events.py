"""A report's document as single events, for carriers of short messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from runner.api import Report, SinkContext
from runner.records import dataclass
from runner.template import clean

MOST = 100
"""Problems of one report that become messages of their own."""
_TEXT, _NAME = 600, 80
_WORST_FIRST = ("critical", "unknown", "warning")
SEVERITIES = {"critical": 2, "unknown": 3, "fault": 3, "warning": 4, "recovered": 5}
"""Severities of syslog and of the journal by word; what has none is informational."""
INFORMATIONAL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One message: `word` is a state, `recovered` or `fault`; the first event of a report has no job."""

    word: str
    text: str
    job: str = ""
    target: str = ""
    database: str = ""
    row: str = ""

    @property
    def severity(self) -> int:
        return SEVERITIES.get(self.word, INFORMATIONAL)


def document_of(report: Report, context: SinkContext) -> Mapping[str, Any]:
    """The report's public document, `runner.report/1`."""
    document: Mapping[str, Any] = json.loads(context.format("json_lines")(report))
    return document


def events(document: Mapping[str, Any]) -> list[Event]:
    """What the report says as a whole, then each problem, the worst first, recoveries and faults."""
    single = [*_problems(document), *_recoveries(document)]
    shown = list(islice(single, MOST))
    if len(single) > MOST:
        shown.append(Event(word="note", text=f"{_line(document['group'])}: and {len(single) - MOST:,} more"))
    faults = [
        Event(word="fault", text=f"FAULT {clean(item['where'], limit=_NAME)}: {_line(item['message'])}")
        for item in document["faults"][:MOST]
    ]
    return [_whole(document), *shown, *faults]


def _whole(document: Mapping[str, Any]) -> Event:
    counts = ", ".join(f"{number:,} {word}" for word, number in document["counts"].items() if number) or "no results"
    state = document["state"] if document["results"] else "unknown"
    return Event(word=state, text=f"{state.upper()} {_line(document['group'])}: {counts}")


def _problems(document: Mapping[str, Any]) -> Iterator[Event]:
    for state in _WORST_FIRST:
        for result in document["results"]:
            for finding in result["findings"]:
                if finding["state"] == state and not finding["pending"]:
                    known = finding["acknowledged"]
                    note = f" (acknowledged by {_line(known['by'])})" if known else ""
                    yield _event(state, state.upper(), result, finding, note)


def _recoveries(document: Mapping[str, Any]) -> Iterator[Event]:
    for result in document["results"]:
        for item in result["transitions"]:
            if item["change"] == "recovered":
                yield _event("recovered", "recovered", result, item, f" (was {item['before']})")


def _event(word: str, shown: str, result: Mapping[str, Any], item: Mapping[str, Any], note: str) -> Event:
    job, target, database = (clean(text, limit=_NAME) for text in (result["job"], result["target"], item["database"]))
    row = clean(".".join(item["row"]), limit=_NAME)
    where = "/".join(part for part in (target, database) if part)
    text = _line(item["message"]) or row or _line(result["summary"])
    return Event(
        word=word,
        text=f"{shown} {job}{f' on {where}' if where else ''}: {text}{note}",
        job=job,
        target=target,
        database=database,
        row=row,
    )


def _line(text: str) -> str:
    return clean(text, limit=_TEXT)
