"""Which of the planted problems the reports name: read from the reports themselves, not from what was hoped for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from runner.demo.oracle import DATABASE, DEAD_ROWS
from runner.demo.planted import INDEX, KEYLESS, SLOT
from runner.records import dataclass

Record: TypeAlias = Mapping[str, Any]
Proof: TypeAlias = Callable[[Sequence[Record]], str]
"""The sentence of a report that proves it, empty when no report has one. Results come in the order of the runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Something that the demonstration did, and how the reports prove that it was noticed."""

    what: str
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An expectation and the sentence that proves it; empty when it was not found."""

    what: str
    found: str


def expectations(idle: str, blocked: str, told: Path) -> tuple[Expectation, ...]:
    """Everything that was planted or done. `idle` and `blocked` are the pids of the sessions."""
    return (
        Expectation(what=f"{DEAD_ROWS:,} dead rows", proof=_problem("dead-rows", "public", "epochs")),
        Expectation(
            what="a table without a primary key", proof=_problem("tables-without-primary-key", "public", KEYLESS)
        ),
        Expectation(what="growth in a day", proof=_growth),
        Expectation(what="an idle transaction", proof=_problem("idle-in-transaction", idle)),
        Expectation(what="an old transaction", proof=_problem("long-transactions", idle)),
        Expectation(what="a blocked session", proof=_problem("blocked-sessions", blocked, says=f"by pid {idle}")),
        Expectation(what="an unread replication slot", proof=_problem("inactive-replication-slots", SLOT)),
        Expectation(what="an invalid index", proof=_problem("invalid-indexes", "public", INDEX)),
        Expectation(what="the sessions ended", proof=_recovery("blocked-sessions", blocked)),
        Expectation(what="the tables vacuumed", proof=_vacuum),
        Expectation(what="no dead rows after it", proof=_recovery("dead-rows", "public", "epochs")),
        Expectation(what="all migrations applied", proof=_well("migrations")),
        Expectation(what="the three key tables", proof=_well("key-tables")),
        Expectation(what="the restart (by a stand-in)", proof=_restart(told)),
    )


def judge(expected: Sequence[Expectation], records: Path) -> tuple[Verdict, ...]:
    """One verdict each, from the file of reports; a file that does not exist proves nothing."""
    results = list(_results(records))
    return tuple(Verdict(what=item.what, found=item.proof(results)) for item in expected)


def _results(records: Path) -> Iterator[Record]:
    if records.exists():
        for line in records.read_text(encoding="utf-8").splitlines():
            yield from json.loads(line)["results"]


def _problem(job: str, *row: str, says: str = "") -> Proof:
    def proof(results: Sequence[Record]) -> str:
        findings = [finding for result in _of(results, job) for finding in result["findings"]]
        return _first(
            finding["message"]
            for finding in findings
            if finding["state"] in {"warning", "critical"}
            and finding["row"] == list(row)
            and says in finding["message"]
        )

    return proof


def _recovery(job: str, *row: str) -> Proof:
    def proof(results: Sequence[Record]) -> str:
        changes = [change for result in _of(results, job) for change in result["transitions"]]
        return _first(
            f"{job}: {'.'.join(row)} is well again (was {change['before']})"
            for change in changes
            if change["change"] == "recovered" and change["row"] == list(row)
        )

    return proof


def _well(job: str) -> Proof:
    return lambda results: _first(result["summary"] for result in _of(results, job) if result["state"] == "ok")


def _growth(results: Sequence[Record]) -> str:
    findings = [
        (finding["message"], row["values"]["change"])
        for result in _of(results, "database-size")
        for finding in result["findings"]
        for row in result["observations"]
        if finding["row"] == row["row"] == [DATABASE]
    ]
    return _first(message for message, change in findings if change and change > 0)


def _vacuum(results: Sequence[Record]) -> str:
    done = [result for result in _of(results, "db-vacuum-analyze") if result["state"] == "ok"]
    return _first(result["summary"] for result in done)


def _restart(told: Path) -> Proof:
    def proof(results: Sequence[Record]) -> str:
        ran = _well("app-restart")(results)
        words = told.read_text(encoding="utf-8").strip() if told.exists() else ""
        return f"pm2 was told `{words}`: {ran}" if ran and words else ""

    return proof


def _of(results: Sequence[Record], job: str) -> Iterator[Record]:
    return (result for result in results if result["job"] == job)


def _first(texts: Iterator[str]) -> str:
    return next(texts, "")
