"""The format `prometheus`: the text exposition format 0.0.4, for the textfile collector and for gateways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from runner.api import FormatContext, Options, Report
from runner.formats.document import report_document
from runner.formats.exposition import Family, Labels, number, written
from runner.model.state import State
from runner.records import dataclass

MOST_VALUES = 2000
_UNITS = {"size": "bytes", "duration": "seconds", "share": "ratio", "time": "timestamp_seconds"}
_OWN_LABELS = frozenset({"group", "target", "database", "row", "state", "job", "job_name", "instance"})
_MEANING_SUFFIXES = ("_total", "_count", "_sum", "_bucket", "_info")
"""Endings that promise a counter or a histogram: what a column with such a name is, nobody said."""


def render(report: Report, options: Options, _context: FormatContext) -> str:
    """Families in alphabetical order without timestamps; `values` bounds the observed values.

    What is left out is counted in `runner_report_values_left_out`.
    """
    document = report_document(report)
    page = _Page(most=int(options.get("values", MOST_VALUES)))
    group = {"group": document["group"]}
    page.add(
        "runner_report_created_timestamp_seconds", "When the report was made.", group, _instant(document["created"])
    )
    if document["next_slot"]:
        page.add(
            "runner_report_next_timestamp_seconds",
            "When the next report is due.",
            group,
            _instant(document["next_slot"]),
        )
    page.add("runner_report_faults", "Failures of the machinery or of plugins.", group, len(document["faults"]))
    for result in document["results"]:
        _job(page, result, group)
        for name, labels, value in _values(result, group):
            page.observe(name, labels, value)
    page.add("runner_report_values_left_out", "Observed values beyond the limit, or seen twice.", group, page.left_out)
    return written(page.families.values())


@dataclass(slots=True, kw_only=True)
class _Page:
    most: int
    families: dict[str, Family] = field(default_factory=dict)
    left_out: int = 0

    def add(self, name: str, text: str, labels: Labels, value: float, kind: str = "gauge") -> bool:
        """False when there is a value with these labels already: a file with two is refused as a whole."""
        return self.families.setdefault(name, Family(name, kind, text)).add(labels, value)

    def observe(self, name: str, labels: Labels, value: float) -> None:
        # Name, type and help depend on the column only: a collector joins the files of several groups.
        kind = "untyped" if name.endswith(_MEANING_SUFFIXES) else "gauge"
        column = name.removeprefix("runner_value_")
        self.most -= 1
        if self.most < 0 or not self.add(name, f"What jobs observed as {column}.", labels, value, kind):
            self.left_out += 1


def _job(page: _Page, result: Mapping[str, Any], group: Labels) -> None:
    """What is known of one job on one target."""
    labels = {"job_name": result["job"], "target": result["target"], **group}
    counted = [item["state"] for item in result["findings"] if not item["pending"]]
    for state in State:
        word = {**labels, "state": state.value}
        page.add("runner_job_state", "1 for the state that the job is in.", word, result["state"] == state.value)
        if state.is_problem:
            page.add("runner_job_findings", "Findings in each state.", word, counted.count(state.value))
    page.add("runner_job_duration_seconds", "How long the last run took.", labels, result["seconds"])
    finished = _instant(result["finished"])
    page.add("runner_job_finished_timestamp_seconds", "When the last run ended.", labels, finished)


def _values(result: Mapping[str, Any], group: Labels) -> Iterator[tuple[str, Labels, float]]:
    """Each observed number with its metric's name and labels."""
    measures = {column["name"]: column["measures"] for column in result["columns"]}
    for observation in result["observations"]:
        labels = {"job_name": result["job"], "target": result["target"], **group, **_place(observation, result)}
        for column, value in observation["values"].items():
            dimension = measures.get(column, "number")
            found = _moment(value) if dimension == "time" else number(value)
            if found is not None:
                yield _metric(column, dimension), labels, found


def _place(observation: Mapping[str, Any], result: Mapping[str, Any]) -> Labels:
    """The database and the row; a key column `database` says where the row is when nothing else does."""
    texts, names = observation["row"], result["key_columns"]
    place = {"database": observation["database"]} if observation["database"] else {}
    if len(texts) != len(names):
        return {**place, "row": ".".join(texts)} if texts else place
    for name, text in zip(names, texts, strict=True):
        if name == "database" and name not in place:
            place[name] = text
        else:
            place.setdefault(_label(name), text)
    return place


def _label(name: str) -> str:
    word = re.sub(r"[^a-zA-Z0-9_]", "_", name).lstrip("_")
    return f"key_{word}" if word in _OWN_LABELS or not word[:1].isalpha() else word


def _metric(column: str, dimension: str) -> str:
    """`runner_value_` and the column, with its base unit at the end."""
    unit = _UNITS.get(dimension, "")
    word = re.sub(r"[^a-z0-9_]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower())[:100]
    return f"runner_value_{word}" if not unit or word.endswith(unit) else f"runner_value_{word}_{unit}"


def _instant(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 text."""
    return datetime.fromisoformat(text).timestamp()


def _moment(value: object) -> float | None:
    """The same for what may be anything; None for what is no time."""
    try:
        return _instant(str(value))
    except (ValueError, OverflowError):
        return None
