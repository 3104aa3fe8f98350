"""How long a table will probably take: what was recorded of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from statistics import median

from runner.api import Job, Key, RunContext, Series, StoreError
from runner.records import dataclass

LOOK_BACK = timedelta(days=120)
LAST = 5
"""So many of the newest durations count."""
COLUMNS: Mapping[str, str] = {
    "vacuum": "seconds",
    "analyze": "analyze_seconds",
    "freeze": "freeze_seconds",
    "reindex": "reindex_seconds",
    "full": "full_seconds",
}
"""The recorded column of each action's durations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Seconds by action, database and key; a table that was never done by this job has none."""

    seconds: Mapping[tuple[str, Series], float]

    def of(self, action: str, database: str, key: Key) -> float | None:
        return self.seconds.get((action, Series(database, key)))


def estimates(context: RunContext, job: Job, actions: set[str]) -> Estimates:
    """The median of the last durations of each table; nothing when the store cannot be read."""
    target = context.target.name if context.target else ""
    found: dict[tuple[str, Series], float] = {}
    for action in sorted(actions & COLUMNS.keys()):
        try:
            trend = context.history.trend(job.name, target, COLUMNS[action], context.now - LOOK_BACK)
        except StoreError:
            continue
        for series, samples in trend.items():
            values = [float(item.value) for item in samples if isinstance(item.value, (int, float))]
            if values:
                found[action, series] = median(values[-LAST:])
    return Estimates(seconds=found)
