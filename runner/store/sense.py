"""Whether a row that was read from a damaged file can be one of ours: bytes that changed can still look like a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from runner.model.codec import decode, moment
from runner.model.problem import Change
from runner.model.report import Report
from runner.model.result import Result
from runner.model.state import State

_TIMES: Final = frozenset({
    "at", "created", "expires", "finished", "first_seen", "next_try", "opened", "retired", "seen", "since", "slot",
    "started", "until",
})  # fmt: skip
_KEYED: Final = frozenset({"series", "problems", "transitions", "announced", "acknowledged"})


def makes_sense(table: str, row: Mapping[str, Any]) -> bool:
    """Whether everything that is read from the row later can be read."""
    try:
        for name, value in row.items():
            if name in _TIMES and value not in (None, ""):
                moment(value)
        if table in _KEYED and not _is_key(row["key"]):
            return False
        check = _CHECKS.get(table)
        return check is None or check(row)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def _is_key(text: str) -> bool:
    key = json.loads(text)
    return isinstance(key, list) and all(isinstance(part, str) for part in key)


def _result(row: Mapping[str, Any]) -> bool:
    return isinstance(decode(Result, json.loads(row["data"])), Result)


def _report(row: Mapping[str, Any]) -> bool:
    kept = json.loads(row["data"])
    report = decode(Report, kept["report"])
    return len(report.results) == len(kept["shared"])


def _sample(row: Mapping[str, Any]) -> bool:
    cells = json.loads(row["data"])
    return isinstance(cells, dict) and not any(_is_odd(cell) for cell in cells.values())


def _is_odd(cell: object) -> bool:
    """A cell is a value, or the list of a merged hour or day."""
    return isinstance(cell, dict) or (isinstance(cell, list) and len(cell) not in (3, 6))


def _fact(row: Mapping[str, Any]) -> bool:
    if row["name"] == "pruned":
        return bool(moment(row["value"]))
    if row["name"] == "tick":
        data = json.loads(row["value"])
        return isinstance(data["counts"], dict) and isinstance(data["id"], str) and bool(moment(data["at"]))
    return True


def _run(row: Mapping[str, Any]) -> bool:
    return row["state"] is None or bool(State(row["state"]))


def _problem(row: Mapping[str, Any]) -> bool:
    return bool(State(row["state"]))


def _transition(row: Mapping[str, Any]) -> bool:
    return bool(State(row["before"]) and State(row["after"]) and Change(row["change"]))


_CHECKS: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "results": _result,
    "reports": _report,
    "samples": _sample,
    "facts": _fact,
    "runs": _run,
    "problems": _problem,
    "transitions": _transition,
}
