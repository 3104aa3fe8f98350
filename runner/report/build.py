"""Results to a report: their order, and an identity that the same slot makes again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from runner.model.report import Fault, Report, TargetInfo
from runner.model.result import Result


def build(
    *,
    group: str,
    title: str,
    slot: datetime,
    results: Iterable[Result],
    targets: Iterable[TargetInfo] = (),
    faults: Iterable[Fault] = (),
    created: datetime,
    next_slot: datetime | None = None,
) -> Report:
    """The report of one group; results stand in the order of their jobs in the file, then of their targets."""
    ordered = tuple(sorted(results, key=lambda item: (item.order, item.job, item.target)))
    return Report(
        id=report_id(group, slot, ordered),
        group=group,
        title=title,
        slot=slot,
        created=created,
        results=ordered,
        targets=tuple(targets),
        faults=tuple(dict.fromkeys(faults)),
        next_slot=next_slot,
    )


def report_id(group: str, slot: datetime, results: Iterable[Result]) -> str:
    """Group, slot, and a digest of which jobs ran where: a run that is repeated for the slot keeps the id."""
    parts = [group, slot.astimezone(UTC).isoformat(), *sorted({f"{item.job}@{item.target}" for item in results})]
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:10]
    return f"{group}-{slot.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"
