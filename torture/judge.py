"""What must hold when all faults have ended: nothing lost, nothing begun twice, everything delivered."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.store.base import RunRecord
from torture.ground import BEGIN, MINUTE, Ground

_ALL = 10**9


@dataclass
class Verdict:
    """Figures, and every sentence that says what is wrong."""

    slots: int = 0
    runs: int = 0
    interrupted: int = 0
    reports: int = 0
    doubles: int = 0
    both: int = 0
    """Slots that one host counted as missed and another ran in its own time."""
    wrong: list[str] = field(default_factory=list)


def judge(
    ground: Ground,
    jobs: Mapping[str, int],
    first: datetime,
    once: Collection[str],
    *,
    unsure: bool = False,
    named: Callable[[RunRecord], str] = lambda row: row.job,
    last: datetime | None = None,
    apart: bool = False,
) -> Verdict:
    """`jobs` have a slot each so many minutes from `first` to the ground's time; those of `once` begin once a slot.

    `named` are those that have slots of their own, `last` is the last slot that is looked at; clocks of hosts
    may be `apart`. It is `unsure` what was recorded when the store was away: reports were sent that nobody could write down.
    """
    found = Verdict(wrong=list(ground.complaints))
    with ground.opened() as store:
        rows = store.runs(limit=_ALL)
        found.wrong += [f"{row.job} for {row.slot} is still running" for row in store.running()]
        found.wrong += [f"the result of {item.job} for {item.slot} is unreported" for item in store.unreported()]
        found.wrong += [f"delivery {item.id} is pending: {item.error}" for item in store.pending()]
        found.wrong += [f"delivery {item.id} was given up: {item.error}" for item in store.failed_deliveries()]
        changes = [
            (item.job, item.target, json.dumps(item.series.key), item.change.value, item.at.isoformat())
            for item in reversed(store.transitions(limit=_ALL))
        ]
    _slots(found, [replace(row, job=named(row)) for row in rows], jobs, first, last or ground.now, apart=apart)
    _begun(found, rows, ground.path, once, strict=not unsure)
    _delivered(found, rows, changes, ground.path, strict=not unsure)
    return found


def _slots(
    found: Verdict,
    rows: Sequence[RunRecord],
    jobs: Mapping[str, int],
    first: datetime,
    last: datetime,
    *,
    apart: bool,
) -> None:
    by_job: dict[str, list[RunRecord]] = defaultdict(list)
    for row in rows:
        by_job[row.job].append(row)
        found.runs += bool(row.run)
        found.interrupted += row.status == "interrupted"
    for job, minutes in jobs.items():
        step = minutes * MINUTE
        covered: Counter[datetime] = Counter()
        counted: set[datetime] = set()
        for row in by_job[job]:
            if row.run and row.attempt > 1:
                continue
            slot = row.since or row.slot
            while slot <= row.slot:
                # Where clocks differ, what one host counts as missed may still be run by another in its own time.
                if apart and not row.run:
                    counted.add(slot)
                else:
                    covered[slot] += 1
                slot += step
        slot = first + (BEGIN - first) % step
        while slot <= last:
            found.slots += 1
            if covered[slot] != 1 and not (slot in counted and not covered[slot]):
                found.wrong.append(f"{job} for {slot} is accounted for {covered[slot]} times")
            found.both += slot in counted and covered[slot] == 1
            slot += step
        _attempts(found, job, by_job[job])


def _attempts(found: Verdict, job: str, rows: list[RunRecord]) -> None:
    chains: dict[datetime, list[RunRecord]] = defaultdict(list)
    for row in rows:
        if row.run:
            chains[row.slot].append(row)
    for slot, chain in chains.items():
        chain.sort(key=lambda row: row.attempt)
        if [row.attempt for row in chain] != list(range(1, len(chain) + 1)):
            found.wrong.append(f"{job} for {slot} has attempts {[row.attempt for row in chain]}")
        if any(row.status != "interrupted" for row in chain[:-1]):
            found.wrong.append(f"{job} for {slot} was run twice")
        last = chain[-1]
        gives_way = "newer slot" in last.reason or "job is gone" in last.reason
        if last.status != "done" and not (last.status == "interrupted" and gives_way):
            found.wrong.append(f"{job} for {slot} ended as {last.status}: {last.reason}")


def _begun(found: Verdict, rows: tuple[RunRecord, ...], path: Path, once: Collection[str], *, strict: bool) -> None:
    known = {row.run for row in rows}
    begun: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in _lines(path / "begun"):
        job, slot, run = line.split()
        begun[job, slot].append(run)
        if strict and run not in known:
            found.wrong.append(f"{job} for {slot} was begun and is not recorded")
    for (job, slot), runs in begun.items():
        if len(runs) > 1 and job in once:
            found.wrong.append(f"{job} was begun {len(runs)} times for {slot}")


def _delivered(
    found: Verdict, rows: tuple[RunRecord, ...], changes: Sequence[tuple[str, ...]], path: Path, *, strict: bool
) -> None:
    done = {row.run for row in rows if row.status == "done"}
    for name in ("ids", "reports.jsonl"):
        reports = [_report(line) for line in _lines(path / name)]
        ids = Counter(item["id"] for item in reports)
        if name == "ids":
            found.reports, found.doubles = len(ids), ids.total() - len(ids)
        told = {run for item in reports for run in item["runs"]}
        found.wrong += [f"{name}: run {run} was told to nobody" for run in sorted(done - told)]
        if strict:
            found.wrong += [f"{name}: run {run} was told and is not done" for run in sorted(told - done)]
        _in_order(found, name, reports, changes, strict=strict)


def _in_order(
    found: Verdict, name: str, reports: Sequence[dict[str, Any]], changes: Sequence[tuple[str, ...]], *, strict: bool
) -> None:
    came: dict[tuple[str, ...], str] = {}
    for report in reports:
        for change in report["changes"]:
            if came.setdefault(change, report["id"]) != report["id"]:
                found.wrong.append(f"{name}: {change} was told in {came[change]} and in {report['id']}")
    recorded = set(changes)
    found.wrong += [f"{name}: {change} was told to nobody" for change in changes if change not in came]
    arrived: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for change in came:
        if change in recorded:
            arrived[change[:3]].append(change)
        elif strict:
            found.wrong.append(f"{name}: {change} was told and is not recorded")
    for identity, mine in arrived.items():
        if mine != [change for change in changes if change[:3] == identity]:
            found.wrong.append(f"{name}: the changes of {identity} came out of order")


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _report(line: str) -> dict[str, Any]:
    """The same of either sink: an id, runs, and changes."""
    item = json.loads(line)
    if "results" not in item:
        changes = [(job, target, json.dumps(key), change, at) for job, target, key, change, at in item["changes"]]
        return {"id": item["id"], "runs": item["runs"], "changes": changes}
    changes = [
        (
            result["job"],
            result["target"],
            json.dumps(change["row"]),
            change["change"],
            change["at"].replace("Z", "+00:00"),
        )
        for result in item["results"]
        for change in result["transitions"]
    ]
    return {"id": item["id"], "runs": [result["run"] for result in item["results"]], "changes": changes}
